"""The network of ``midirnn.model.network`` in torch: the same layers, sizes, loss, optimizer."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class TorchNetwork(nn.Module):
    """Query gate → LSTM → dense → LSTM → fork → bits and time."""

    def __init__(self, units: int = 500, dense_units: int = 100) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(units, 41) * 0.1)
        self.multiplier = nn.Parameter(torch.ones(()))
        self.gated = nn.Linear(41, units)
        self.lstm1 = nn.LSTM(units, units)
        self.between = nn.Linear(units, units)
        self.lstm2 = nn.LSTM(units, units)
        self.fork = nn.Linear(units, units)
        self.bits = nn.Sequential(
            nn.Linear(units, dense_units), nn.LeakyReLU(0.2), nn.Linear(dense_units, 40)
        )
        self.time = nn.Sequential(
            nn.Linear(units, dense_units), nn.LeakyReLU(0.2), nn.Linear(dense_units, 1)
        )

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(T, B, 41) → bits (T, B, 40) and time (T, B)."""
        cosine = functional.normalize(inputs, dim=-1) @ functional.normalize(self.table, dim=1).T
        x = torch.tanh(self.multiplier * cosine)
        x = x * functional.leaky_relu(self.gated(inputs), 0.2)
        x, _ = self.lstm1(x)
        x = functional.dropout(functional.leaky_relu(self.between(x), 0.2), 0.05)
        x, _ = self.lstm2(x)
        x = functional.leaky_relu(self.fork(x), 0.2)
        return self.bits(x), self.time(x)[..., 0]


class TorchStep:
    """A training step: predict, take the loss, clip, and let Adam change the weights."""

    def __init__(self) -> None:
        self.network = TorchNetwork()
        self.optimizer = torch.optim.Adam(self.network.parameters(), 1e-3, fused=True)

    def __call__(self, inputs: torch.Tensor, bits: torch.Tensor, time: torch.Tensor) -> float:
        """Train on inputs (T, B, 41) and what follows them: bits (T, B, 40) and time (T, B)."""
        self.optimizer.zero_grad(set_to_none=True)
        logits, said = self.network(inputs)
        errors = functional.binary_cross_entropy_with_logits(logits, bits, reduction="none")
        loss = errors.sum(2).mean() + 0.3 * ((said - time) ** 2).mean(0).sqrt().mean()
        loss.backward()
        nn.utils.clip_grad_value_(self.network.parameters(), 5.0)
        self.optimizer.step()
        return float(loss.detach())
