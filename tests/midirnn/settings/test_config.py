"""Settings: presets, TOML, flags, in that order; and saved as read."""

import datetime
import math
import tomllib
from pathlib import Path

import pytest

from midirnn.errors import ConfigError
from midirnn.plugin.choice import PluginChoice
from midirnn.settings.config import PRESETS, Config, differences
from midirnn.settings.resolve import resolve, to_toml, validate


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_saved_is_read_back_the_same(preset: str) -> None:
    augment = [{"name": "x", "a b": 'q"\\ü', "n": 1.5}]
    sink = [{"name": "file", "path": "x.mid"}, {"name": "y"}]
    config = resolve(None, {"preset": preset, "augment": augment, "sink": sink})
    assert validate(tomllib.loads(to_toml(config)), "saved") == config
    assert config.preset == preset


@pytest.mark.parametrize(
    "options",
    [
        {"a": float("inf"), "b": [float("-inf"), 1e300]},
        {"a": True, "b": -3, "c": 0.1, "d": "", "é": 1, "a.b": 2, "": 3},
        {"a": {"b": 1, "c d": {"e": [{"f": "g"}]}}},
        {"a": "\x7f\x1b\t\n\\\"'\u2028", "b": "🎵"},
        {"a": datetime.date(2020, 1, 2), "b": datetime.time(3, 4)},
    ],
)
def test_whatever_toml_can_say_is_saved(options: dict[str, object]) -> None:
    settings = {
        "training": {"gradient_clip": float("inf")},
        "generation": {"longest_wait_seconds": float("inf")},
        "augment": [{"name": "x", **options}],
    }
    config = resolve(None, settings)
    assert validate(tomllib.loads(to_toml(config)), "saved") == config


def test_a_number_that_is_none_is_saved() -> None:
    config = resolve(None, {"sink": [{"name": "x", "a": float("nan")}]})
    saved = validate(tomllib.loads(to_toml(config)), "saved")
    assert math.isnan(saved.sink[0].options["a"])


def test_flags_win_over_toml_and_toml_over_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        'preset = "notebook"\n[training]\nlanes = 7\nseed = 8\n[[loss]]\nname = "mse"\nweight = 2\n'
    )
    config = resolve(file, {"training": {"seed": 9}})
    assert config.training.learning_rate == 1e-4  # the preset's
    assert config.training.lanes == 7
    assert config.training.seed == 9
    assert config.loss == (PluginChoice(name="mse", options={"weight": 2}),)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (
            "[training]\nlans = 3",
            "there is no key 'training.lans'; there are: steps, minutes, begin_from",
        ),
        ("nonsense = 1", "there is no key 'nonsense'; there are: preset, corpus, model"),
        ("[training]\nlanes = 0", "training.lanes = 0: Input should be greater than 0"),
        ("[training]\nlearning_rate = inf", "training.learning_rate = inf: Input should be"),
        ('[model]\ntime_scale = "days"', "model.time_scale = 'days'"),
        ("preset = []", "there is no preset []; there are: default, notebook"),
        ('preset = "best"', "there is no preset 'best'; there are: default, notebook"),
        ('preset = "notebook"\n[model.head]\nfoo = 1', "model.head = "),
        ("training = 3", "training = 3"),
        ("[training", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, toml: str, message: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(toml)
    with pytest.raises(ConfigError) as caught:
        resolve(file, {"training": {"seed": 1}})
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*no\.toml: No such file"):
        resolve(tmp_path / "no.toml", {})


def test_only_what_makes_it_another_run_counts_as_a_difference() -> None:
    old = Config()
    longer = resolve(None, {"training": {"steps": 99999}}, base=old)
    wider = resolve(None, {"training": {"lanes": 64, "steps": 3}}, base=old)
    elsewhere = resolve(None, {"sink": [{"name": "pygame"}]}, base=old)
    assert differences(old, longer) == []
    assert differences(old, elsewhere) == []
    assert differences(old, wider) == ["training.lanes: 16 → 64"]
