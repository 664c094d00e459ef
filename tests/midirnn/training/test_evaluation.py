"""Bits per message against plain numpy, whatever stands beside or behind a song."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import pytest
import tensorflow as tf

import midicodec
from midirnn.builtin.losses import BitCrossEntropy, TimeRootMeanSquare
from midirnn.corpus.inputs import find_inputs
from midirnn.corpus.prepare import prepare
from midirnn.corpus.split import SPLITS
from midirnn.errors import CorpusError
from midirnn.model.network import Network
from midirnn.model.stepper import Stepper
from midirnn.model.timeclasses import classes_of
from midirnn.model.timescale import from_seconds
from midirnn.plugin import Events, LossTerm, Predictions, Targets
from midirnn.run.folder import Run
from midirnn.settings.config import Config, CorpusConfig
from midirnn.settings.resolve import resolve
from midirnn.training import evaluation
from midirnn.training.evaluation import Evaluation, Evaluator, evaluate_run

LOSS = [{"name": "bit_cross_entropy"}, {"name": "time_rmse"}]
WINDOW = 25
CONFIG = resolve(
    None,
    {
        "model": {"head": "bits", "hidden_size": 5, "dense_size": 4},
        "training": {"sequence_length": WINDOW},
        "loss": LOSS,
    },
)
BYTES = resolve(None, {"model": {"head": "bytes", "hidden_size": 5, "dense_size": 4}})
LENGTHS = (2, 3, 25, 26, 27, 51, 90)  # around a window's 25


def song(length: int, seed: int) -> Events:
    """Random note messages."""
    rng = np.random.default_rng(seed)
    records = np.zeros((length, 5), np.uint8)
    records[:, 1] = rng.choice([0x80, 0x90, 0xB0, 0xEF], length)
    records[:, 2:4] = rng.integers(0, 128, (length, 2))
    records[:, 4] = 3
    return Events(records, rng.choice([0, 0.1, 0.7], length))


SONGS = [song(length, seed) for seed, length in enumerate(LENGTHS)]
MESSAGES = sum(LENGTHS) - len(LENGTHS)  # all but each song's first


def network(config: Config = CONFIG, scale: float = 2.0) -> Network:
    """A network with weights large enough to be sure of something."""
    made = Network(config.model, seed=1)
    made.load({name: each.numpy() * scale for name, each in made.named_weights().items()})
    return made


def constant(bit_logits: np.ndarray, seconds: float = 0.0, config: Config = CONFIG) -> Network:
    """A network that says the same whatever it is shown."""
    made = Network(config.model)
    weights = {
        name: np.zeros(each.shape, np.float32) for name, each in made.named_weights().items()
    }
    weights["bits_out/bias"] = bit_logits.astype(np.float32)
    weights["time_out/bias"] = from_seconds([seconds], config.model.time_scale)
    made.load(weights)
    return made


def evaluate(
    net: Network, songs: Sequence[Events], terms: Sequence[LossTerm], config: Config
) -> Evaluation:
    return Evaluator(net, terms, config).evaluate(songs)


def by_numpy(net: Network, songs: list[Events]) -> tuple[float, float, float]:
    """Bits per message, exact messages, time error: a record at a time, from the definition."""
    costs, exact, errors = [], [], []
    weights = {name: each.numpy() for name, each in net.named_weights().items()}
    for each in songs:
        stepper = Stepper(weights)
        bits = np.unpackbits(each.records, axis=1)
        for now in range(len(each) - 1):
            said = stepper.step(each.records[now : now + 1], each.delta_seconds[now : now + 1])
            assert said.bit_logits is not None
            p = 1 / (1 + np.exp(-said.bit_logits[0].astype(np.float64)))
            p = np.clip(p, 1e-6, 1 - 1e-6)
            costs.append(-np.log2(np.where(bits[now + 1] == 1, p, 1 - p)).sum())
            exact.append(bool(((p > 0.5) == bits[now + 1]).all()))
            errors.append(abs(said.time.seconds[0] - each.delta_seconds[now + 1]))
    return float(np.mean(costs)), float(np.mean(exact)), float(np.mean(errors))


def test_scores_are_those_of_plain_numpy() -> None:
    net = network()
    scores = evaluate(net, SONGS, [], CONFIG)
    bits, exact, time = by_numpy(net, SONGS)
    assert (scores.songs, scores.messages) == (len(SONGS), MESSAGES)
    assert scores.bits_per_message == pytest.approx(bits, rel=1e-4)
    assert scores.exact_messages == pytest.approx(exact)
    assert scores.time_error_seconds == pytest.approx(time, rel=1e-4)
    assert abs(bits - 40) > 0.1  # it is sure of something


def bytes_by_numpy(net: Network, songs: list[Events]) -> dict[str, float]:
    """The same for the head that says byte after byte."""
    costs: dict[str, list[float]] = {"message": [], "time": [], "exact": []}
    weights = {name: each.numpy() for name, each in net.named_weights().items()}
    for each in songs:
        stepper = Stepper(weights)
        for now in range(len(each) - 1):
            said = stepper.step(each.records[now : now + 1], each.delta_seconds[now : now + 1])
            record, wait = each.records[now + 1], classes_of(each.delta_seconds[now + 1 : now + 2])
            assert said.time.class_logits is not None
            logits = [said.first(wait)[0], said.second(record[1:2])[0], said.third(record[2:3])[0]]
            nats = [logits[n] - np.logaddexp.reduce(logits[n].astype(float)) for n in range(3)]
            costs["message"].append(-sum(nats[n][record[n + 1]] for n in range(3)) / np.log(2))
            costs["exact"].append(all(np.argmax(nats[n]) == record[n + 1] for n in range(3)))
            time = said.time.class_logits[0]
            costs["time"].append((np.logaddexp.reduce(time) - time[wait[0]]) / np.log(2))
    return {name: float(np.mean(each)) for name, each in costs.items()}


def test_scores_of_bytes_are_those_of_plain_numpy_time_in_its_own_term() -> None:
    net = network(BYTES, 4.0)
    songs = [Events(each.records.copy(), each.delta_seconds) for each in SONGS]
    for each in songs:  # what takes one data byte has no second
        each.records[each.records[:, 1] == 0xB0, 1] = 0xC5
        each.records[each.records[:, 1] == 0xC5, 3:] = 0, 2
    scores, expected = evaluate(net, songs, [], BYTES), bytes_by_numpy(net, songs)
    assert scores.messages == MESSAGES
    assert scores.bits_per_message == pytest.approx(expected["message"], rel=1e-4)
    assert scores.time_bits_per_message == pytest.approx(expected["time"], rel=1e-4)
    assert scores.total_bits_per_message == pytest.approx(
        expected["message"] + expected["time"], rel=1e-4
    )
    assert scores.exact_messages == pytest.approx(expected["exact"])
    assert sum(scores.fields.values()) == pytest.approx(scores.bits_per_message)
    assert scores.fields["long"] == scores.fields["n"] == 0  # they follow
    assert abs(expected["message"] - (np.log2(112) + 14)) > 0.05  # it is sure of something


def test_a_time_that_is_a_number_has_no_bits() -> None:
    scores = evaluate(network(), SONGS, [], CONFIG)
    assert scores.time_bits_per_message is None
    assert scores.total_bits_per_message == scores.bits_per_message


@pytest.mark.parametrize("base", [CONFIG, BYTES], ids=["bits", "bytes"])
@pytest.mark.parametrize(("lanes", "length"), [(1, 7), (3, 1), (3, 200)])
def test_scores_depend_on_no_window_and_no_neighbour(
    lanes: int, length: int, base: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(base)
    together = evaluate(net, SONGS, [], base)
    monkeypatch.setattr(evaluation, "_LANES", lanes)
    config = resolve(None, {"training": {"sequence_length": length}}, base=base)
    apart = evaluate(net, SONGS[::-1], [], config)
    assert (apart.songs, apart.messages) == (together.songs, together.messages)
    assert apart.bits_per_message == pytest.approx(together.bits_per_message, rel=1e-5)
    assert apart.exact_messages == together.exact_messages
    assert apart.time_error_seconds == pytest.approx(together.time_error_seconds, rel=1e-5)
    assert apart.total_bits_per_message == pytest.approx(together.total_bits_per_message, rel=1e-5)


def test_songs_count_by_their_messages() -> None:
    net = network()
    parts = [evaluate(net, songs, [], CONFIG) for songs in (SONGS[:3], SONGS[3:])]
    weights = [each.messages for each in parts]
    bits = np.average([each.bits_per_message for each in parts], weights=weights)
    assert evaluate(net, SONGS, [], CONFIG).bits_per_message == pytest.approx(bits, rel=1e-5)


def test_a_network_that_knows_nothing_needs_40_bits() -> None:
    scores = evaluate(constant(np.zeros(40)), SONGS, [BitCrossEntropy()], CONFIG)
    assert scores.bits_per_message == pytest.approx(40, rel=1e-6)
    assert scores.exact_messages == 0
    assert scores.losses == {"bit_cross_entropy": pytest.approx(40, rel=1e-6)}


def test_a_constant_network_has_the_score_of_the_closed_form() -> None:
    p = np.random.default_rng(0).uniform(0.05, 0.95, 40)
    scores = evaluate(constant(np.log(p / (1 - p)), seconds=0.5), SONGS, [], CONFIG)
    targets = np.concatenate([np.unpackbits(each.records[1:], axis=1) for each in SONGS])
    deltas = np.concatenate([each.delta_seconds[1:] for each in SONGS])
    share = targets.mean(axis=0)
    expected = -np.sum(share * np.log2(p) + (1 - share) * np.log2(1 - p))
    assert scores.bits_per_message == pytest.approx(expected, rel=1e-5)
    assert scores.time_error_seconds == pytest.approx(np.abs(deltas - 0.5).mean(), rel=1e-5)


def test_the_parts_of_a_record_make_up_its_bits() -> None:
    """A network that is unsure of some bits only: which, and of which messages, can be counted."""
    unsure = np.zeros((5, 8), bool)
    unsure[1, 4:], unsure[2, 1:3], unsure[3, 7] = True, True, True  # 4 bits, 2 and 1
    scores = evaluate(constant(np.where(unsure.ravel(), 0.0, 30.0)), SONGS, [], CONFIG)
    sure_bits = np.concatenate([np.unpackbits(each.records[1:], axis=1) for each in SONGS])
    wrong = (sure_bits == 0) & ~unsure.ravel()
    wrong_by_byte = wrong.reshape(-1, 5, 8).sum(axis=(0, 2)) * np.log2(1e6) / MESSAGES
    kinds = np.concatenate([each.records[1:, 1] >> 4 for each in SONGS])
    assert scores.fields["long"] == pytest.approx(wrong_by_byte[0], rel=1e-3)
    assert scores.fields["status"] == pytest.approx(wrong_by_byte[1] + 4, rel=1e-3)
    assert scores.fields["n"] == pytest.approx(wrong_by_byte[4], rel=1e-3)
    first = scores.fields["note"] + scores.fields["controller"]
    second = scores.fields["velocity"] + scores.fields["value"]
    assert first + second + scores.fields["bend"] == pytest.approx(
        wrong_by_byte[2] + 2 + wrong_by_byte[3] + 1, rel=1e-3
    )
    notes = np.isin(kinds, (8, 9))
    in_notes = (wrong[:, 16:24].sum(axis=1) * np.log2(1e6) + 2)[notes].sum() / MESSAGES
    assert scores.fields["note"] == pytest.approx(in_notes, rel=1e-3)
    assert sum(scores.fields.values()) == pytest.approx(scores.bits_per_message)


def test_certainty_costs_no_more_than_the_clip_allows() -> None:
    right = SONGS[0].records[1]
    bits = np.unpackbits(right).astype(np.float64)
    bits[[3, 20]] = 1 - bits[[3, 20]]  # wrong in two
    scores = evaluate(constant((bits - 0.5) * 1000), [SONGS[0]], [], CONFIG)
    assert scores.messages == 1
    # float32 knows 1 - 1e-6 to one part in 20 only.
    assert scores.bits_per_message == pytest.approx(2 * np.log2(1e6), rel=0.01)
    certain = (np.unpackbits(right) - 0.5) * 1000
    assert evaluate(constant(certain), [SONGS[0]], [], CONFIG).exact_messages == 1


def test_only_channel_messages_count() -> None:
    other = song(6, 0)
    other.records[1] = [0, 0xF8, 0, 0, 1]
    other.records[2] = [1, 0xFF, 1, 4, 3]
    other.records[3] = [1, 0x90, 0xA0, 0x80, 3]  # text, whatever it looks like
    other.records[4] = [1, 0xB0, 0, 0, 1]
    assert evaluate(network(), [other], [], CONFIG).messages == 1


class Mean(LossTerm):
    """As plugins may write it: with no guard against a lane that has nothing real."""

    name = "mean"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(mask, axis=1) / tf.reduce_sum(mask, axis=1)


def test_losses_are_means_over_the_windows_that_have_something_real() -> None:
    terms = [TimeRootMeanSquare(), Mean()]
    scores = evaluate(constant(np.zeros(40), seconds=0.5), SONGS, terms, CONFIG)
    errors = []
    for each in SONGS:
        targets = from_seconds(each.delta_seconds[1:], "log")
        said = from_seconds(0.5, "log")
        windows = [targets[start : start + WINDOW] for start in range(0, len(targets), WINDOW)]
        errors += [np.sqrt(np.mean((window - said) ** 2)) for window in windows]
    assert scores.losses["time_rmse"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert scores.losses["mean"] == pytest.approx(1)
    assert scores.as_dict()["losses"] == scores.losses


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run whose sink and augmentation are not installed here."""
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    elsewhere = {"augment": [{"name": "elsewhere"}], "sink": [{"name": "elsewhere"}]}
    run.save_config(resolve(None, elsewhere, base=CONFIG))
    weights = {name: each.numpy() for name, each in network().named_weights().items()}
    run.checkpoints.save(3, 1.0, {"weights": weights})
    return run


def test_a_run_is_scored_on_files_with_its_loss_terms_alone(run: Run, tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    track = [mido.MetaMessage("text", text="words, words"),
             *(mido.Message("note_on", note=n, time=48) for n in range(60, 70))]  # fmt: skip
    midicodec.save(midicodec.Song.from_messages(track), songs / "x.mid")
    scores = evaluate_run(run.folder, [songs], "last")
    assert (scores.songs, scores.messages) == (1, 9)
    assert set(scores.losses) == {"bit_cross_entropy", "time_rmse"}
    with pytest.raises(CorpusError):
        evaluate_run(run.folder, [tmp_path / "none"], "last")


def test_a_split_of_a_prepared_corpus_or_of_files(
    run: Run, tmp_path: Path, composed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same songs, whether they were prepared before or are now."""
    monkeypatch.setenv("MIDIRNN_CACHE", str(tmp_path / "cache"))
    prepared = tmp_path / "prepared"
    prepare(find_inputs([composed]), prepared, CONFIG.corpus)
    whole = evaluate_run(run.folder, [composed], "last")
    parts = {split: evaluate_run(run.folder, [prepared], "last", split) for split in SPLITS}
    assert sum(each.songs for each in parts.values()) == whole.songs == 24
    assert evaluate_run(run.folder, [prepared], "last") == parts["validation"]
    assert evaluate_run(run.folder, [composed], "last", "test") == parts["test"]
    # One that knows all messages is shown them, and scored on the same.
    run.save_config(resolve(None, {"corpus": {"messages": "all"}}, base=run.config()))
    shown_all = evaluate_run(run.folder, [composed], "last", "test")
    assert (shown_all.songs, shown_all.messages) == (parts["test"].songs, parts["test"].messages)
    assert shown_all.bits_per_message != parts["test"].bits_per_message
    assert evaluate_run(run.folder, [composed], "last").messages == whole.messages
    # But what it knows nothing of, it is not scored on.
    run.save_config(CONFIG)
    everything = tmp_path / "everything"
    prepare(find_inputs([composed]), everything, CorpusConfig(messages="all"))
    with pytest.raises(CorpusError, match=r"prepared with all messages.*--messages channel"):
        evaluate_run(run.folder, [everything], "last")
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(composed.iterdir())[:3]:
        shutil.copy(path, few)
    with pytest.raises(CorpusError, match="of so few songs none is held back for test"):
        evaluate_run(run.folder, [few], "last", "test")
