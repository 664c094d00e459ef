"""Settings: presets, TOML, flags, in that order; and saved as read."""

import tomllib
from pathlib import Path

import pytest

from midirnn.config import PRESETS, Config, differences, resolve, to_toml, validate
from midirnn.errors import ConfigError, PluginError
from midirnn.plugin.choice import PluginChoice


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_saved_is_read_back_the_same(preset: str) -> None:
    augment = [{"name": "x", "a b": 'q"\\ü', "n": 1.5}]
    sink = [{"name": "file", "path": "x.mid"}, {"name": "y"}]
    config = resolve(None, {"preset": preset, "augment": augment, "sink": sink})
    assert validate(tomllib.loads(to_toml(config)), "saved") == config
    assert config.preset == preset


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
        ("[training]\nlans = 3", "there is no key 'training.lans'; there are: steps, seed, lanes"),
        ("nonsense = 1", "there is no key 'nonsense'; there are: preset, corpus, model"),
        ("[training]\nlanes = 0", "training.lanes = 0: Input should be greater than 0"),
        ('[model]\ntime_scale = "days"', "model.time_scale = 'days'"),
        ('preset = "best"', "there is no preset 'best'; there are: default, notebook"),
        ("[training", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, toml: str, message: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(toml)
    with pytest.raises(ConfigError) as caught:
        resolve(file, {})
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
    assert differences(old, wider) == ["training.lanes: 32 → 64"]


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("noise", "noise", {}),
        ("file:path=out.mid", "file", {"path": "out.mid"}),
        ("file:path=C:\\x=1.mid", "file", {"path": "C:\\x=1.mid"}),
        ("x:a=1,b=two", "x", {"a": "1", "b": "two"}),
        ("x:a='1,2',b=\"=,:\"", "x", {"a": "1,2", "b": "=,:"}),
        ("x:a='it''s'", "x", {"a": "it's"}),
        ("x:a=it's", "x", {"a": "it's"}),
        ("x:a=", "x", {"a": ""}),
    ],
)
def test_a_plugin_is_chosen_as_written(text: str, name: str, options: dict[str, str]) -> None:
    assert PluginChoice.parse(text) == PluginChoice(name=name, options=options)


@pytest.mark.parametrize("text", ["", ":a=1", "x:", "x:a", "x:=1", "x:a=1,a=2", "x:a='1"])
def test_what_is_not_a_choice_is_an_error(text: str) -> None:
    with pytest.raises(PluginError):
        PluginChoice.parse(text)
