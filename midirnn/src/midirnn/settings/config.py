"""Every setting of a run, typed, in one place, and its presets; ``resolve.py`` reads them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from midicodec.records import CHANNELS
from midirnn.plugin.choice import PluginChoice
from midirnn.settings.instruments import program_of
from midirnn.settings.scales import pitch_classes

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
TimeScale = Literal["notebook", "log"]
"""What number the network is shown as time: see :mod:`midirnn.model.timescale`."""


def _scale(name: str) -> str:
    pitch_classes(name)  # raises ValueError where there is no such scale
    return name


def _program(value: Any) -> int:
    return program_of(str(value))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusConfig(_Section):
    """Which files are used, and which of their messages."""

    types: tuple[Annotated[int, Field(ge=0, le=2)], ...] = (0, 1)
    """The SMF types that are read."""
    messages: Literal["all", "channel"] = "channel"
    """``channel``: notes, controllers, programs, bends; ``all``: system and meta messages too."""
    channels: tuple[Annotated[int, Field(ge=0, le=15)], ...] = tuple(range(CHANNELS))
    """Whose channel messages are kept, from 0; what has no channel is not concerned."""
    drums: Literal["keep", "drop", "only"] = "keep"
    """Of ``channels``, what is done with 9, General MIDI's drums."""
    shortest_records: PositiveInt = 2
    longest_records: PositiveInt | None = None
    shortest_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    longest_seconds: PositiveFloat | None = None
    """Lengths of what is kept of a song; a limit that is not set is none."""
    time_signatures: tuple[Annotated[str, Field(pattern=r"^\d+/\d+$")], ...] = ()
    """Songs in none but these, as ``"3/4"``; empty: in any. A song that says none is in 4/4."""
    slowest_bpm: PositiveFloat | None = None
    fastest_bpm: PositiveFloat | None = None
    """Quarter notes a minute that a song's tempi may not go beyond."""
    duplicates: Literal["musical", "exact", "keep"] = "musical"
    """What is left out: the same notes, only the same messages, or nothing."""
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The shares of songs held back, by a hash of their notes (:mod:`midirnn.corpus.split`)."""

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing to train on")
        return self

    @property
    def channel_only(self) -> bool:
        """Whether a network that was trained on it knows channel messages and nothing else."""
        return self.messages == "channel"


class ModelConfig(_Section):
    """The network's sizes, its initial weights, and how time is shown to it."""

    head: Literal["bytes", "bits"] = "bytes"
    """``bytes``: a distribution, time first, then byte after byte, each given those before;
    ``bits``: the notebook's 40 independent bits, and time as a number."""
    hidden_size: PositiveInt = 256
    dense_size: PositiveInt = 128
    """Units of each LSTM, and of each hidden layer of the head."""
    keep_probability: Annotated[float, Field(gt=0, le=1)] = 0.7
    """The share of units that dropout keeps: between the LSTMs, and for bytes after them too."""
    initializer: Literal["glorot", "notebook"] = "glorot"
    """``notebook``: normal with a deviation of 0.01 everywhere (0.1 for the last of time)."""
    time_scale: TimeScale = "log"
    lstm: Literal["auto", "own", "keras"] = "auto"
    """``own``: midirnn's, for CPUs; ``keras``: Keras', for GPUs; ``auto``: as there is a GPU."""
    precision: Literal["float32", "mixed_bfloat16", "auto"] = "float32"
    """``mixed_bfloat16``: weights in float32, most sums in bfloat16; ``auto``: so on GPUs that
    have it."""


class TrainingConfig(_Section):
    """The training loop."""

    steps: PositiveInt = 5000
    """How many steps the run has from its beginning, however often it was interrupted."""
    minutes: PositiveFloat | None = None
    """How long training may take each time it is begun or resumed; it is validated at the end."""
    begin_from: str | None = None
    """The run folder or the model whose weights training begins with; not set: new ones."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 42
    lanes: PositiveInt = 16
    """How many songs are read side by side: the batch."""
    sequence_length: PositiveInt = 50
    """How many records a lane moves on in one step."""
    pool_size: PositiveInt = 500
    """How many songs stand in memory with a position and LSTM states of their own."""
    replace_probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How often a song that ends makes room for another: always, and each is read as often as the
    others; hardly ever, and the short ones are read more often than the long."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3e-3
    plateau_patience: Annotated[int, Field(ge=0)] = 4
    """After how many validations without a better score the rate is lowered; 0: never."""
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """What the rate is multiplied with then."""
    early_stopping_patience: Annotated[int, Field(ge=0)] = 10
    """After how many validations without a better score training ends; 0: never."""
    validation_records: PositiveInt = 20_000
    """Songs of about so many records, of those kept for it, are what is validated on."""
    gradient_clip: Annotated[float, Field(gt=0)] = 5.0
    """Each gradient's largest absolute value."""
    checkpoint_every: PositiveInt = 500
    """Steps between two checkpoints, and two validations."""
    log_every: PositiveInt = 20
    """Steps between two lines of metrics.jsonl and two scalars of TensorBoard."""
    histogram_every: PositiveInt = 200


class GenerationConfig(_Section):
    """What ``generate`` does when it is not told otherwise."""

    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.8
    """Of messages: 0 takes the likeliest, 1 draws as the network learnt, between is between."""
    time_temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Of the time between them; not set: as ``temperature``."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Only the likeliest values that together have this probability are drawn from."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """Only so many of the likeliest values are drawn from; 0: all of them."""
    most_repeats: Annotated[int, Field(ge=0)] = 4
    """How often the same notes may follow one another, time for time, before it is a loop and
    left; 0: as often as the network likes."""
    rules: bool = True
    """Whether only what makes valid MIDI is drawn, every note ended, and the rest of this kept."""
    most_notes: PositiveInt = 32
    """How many notes sound at once at most."""
    longest_note_seconds: PositiveFloat = 15.0
    """A note or a pedal that is held for so long is released."""
    longest_wait_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A network's longer waits are cut to this."""
    channels: Annotated[tuple[Annotated[int, Field(ge=0, le=15)], ...], Field(min_length=1)] = (
        tuple(range(CHANNELS))
    )
    """Which channels are played on, from 0; 9 is General MIDI's drums."""
    scale: Annotated[str, AfterValidator(_scale)] | None = None
    """What notes are in, as ``"D minor"`` (:mod:`midirnn.settings.scales`); drums are in none."""
    programs: dict[
        Annotated[int, Field(ge=0, le=15)], Annotated[int, BeforeValidator(_program)]
    ] = Field(default_factory=dict)
    """The instrument of each of these channels, a number from 0 or a name of General MIDI's."""
    program_changes: bool = True
    """Whether the network may change instruments, of channels that ``programs`` does not set."""
    tempo: Annotated[float, Field(ge=4, le=1000)] | None = None
    """Beats (quarter notes) a minute that the song is brought to; not set: as it comes."""
    quantize: Annotated[int, Field(ge=0, le=96)] = 0
    """Times are rounded to such a part of the song's beat, as 12; 0: as they come."""
    meter: Annotated[str, Field(pattern=r"^[1-9]\d?/(1|2|4|8|16|32|64)$")] | None = None
    """The time signature that is written and that bars are counted by; not set: 4/4, unwritten."""


class Config(_Section):
    """A whole run's settings."""

    preset: Literal["default", "notebook"] = "default"
    corpus: CorpusConfig = CorpusConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    generation: GenerationConfig = GenerationConfig()
    augment: tuple[PluginChoice, ...] = (
        PluginChoice(name="transpose"),
        PluginChoice(name="tempo"),
    )
    """Augmentations, in the order in which they run."""
    loss: tuple[PluginChoice, ...] = (PluginChoice(name="negative_log_likelihood"),)
    """The loss: the weighted sum of these terms."""
    sink: Annotated[tuple[PluginChoice, ...], Field(min_length=1)] = (PluginChoice(name="file"),)
    """Where ``generate`` sends a song when it is not told."""


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "notebook": {
        "corpus": {"messages": "all"},
        "model": {
            "head": "bits",
            "hidden_size": 500,
            "dense_size": 100,
            "keep_probability": 0.95,
            "initializer": "notebook",
            "time_scale": "notebook",
        },
        "training": {
            "steps": 1000,
            "lanes": 1,
            "sequence_length": 25,
            "replace_probability": 0.01,
            "learning_rate": 1e-4,
            "plateau_patience": 0,
            "early_stopping_patience": 0,
        },
        "generation": {"temperature": 0.0, "rules": False, "most_repeats": 0, "top_p": 1.0},
        "augment": [{"name": "noise"}, {"name": "step_zeroing"}],
        "loss": [
            {"name": "mse", "weight": 1.0},
            {"name": "cosine", "weight": 0.001},
            {"name": "time_rmse", "weight": 0.001},
        ],
    },
}
"""What each preset sets otherwise than the classes above."""

RESUMABLE = {
    ("model", "lstm"),
    ("model", "precision"),
    ("training", "steps"),
    ("training", "minutes"),
    ("training", "log_every"),
    ("training", "histogram_every"),
    *(("generation", name) for name in GenerationConfig.model_fields),
    ("sink", None),
}
"""What may change when a run is resumed: everything else would make it another run."""


_OF_WEIGHTS = (
    ("corpus", "messages"),
    ("model", "head"),
    ("model", "hidden_size"),
    ("model", "dense_size"),
    ("model", "time_scale"),
)
"""What a network's weights are made for."""


def differences(old: Config, new: Config) -> list[str]:
    """Return the keys, with both values, that differ and would make a resumed run another."""
    found = []
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    for name, value in before.items():
        pairs = value.items() if isinstance(value, dict) else [(None, value)]
        for key, was in pairs:
            now = after[name][key] if key is not None else after[name]
            if was != now and (name, key) not in RESUMABLE:
                found.append(f"{name}.{key}: {was} → {now}" if key else f"{name}: {was} → {now}")
    return found


def misfits(origin: Config, config: Config) -> list[str]:
    """Return the keys, with both values, by which the weights of one do not fit the other."""
    return [
        f"{section}.{key}: {was} → {now}"
        for section, key in _OF_WEIGHTS
        if (was := getattr(getattr(origin, section), key))
        != (now := getattr(getattr(config, section), key))
    ]


def section_differences(old: _Section, new: _Section) -> list[str]:
    """Return the keys of one section, with both values, that differ."""
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    return [f"{key}: {was} → {after[key]}" for key, was in before.items() if was != after[key]]
