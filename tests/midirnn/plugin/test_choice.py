"""``NAME:key=value,…`` as people write it, and as a TOML table."""

import pytest

from midirnn.errors import PluginError
from midirnn.plugin.choice import PluginChoice


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("x", {}),
        ("  x  ", {}),
        ("x:a=1", {"a": "1"}),
        (" x : a = 1 , b = 2 ", {"a": "1", "b": "2"}),
        ("x:a=", {"a": ""}),
        ("x:a=b=c", {"a": "b=c"}),
        ("x:a=b:c", {"a": "b:c"}),
        ("x:a='b,c',d=e", {"a": "b,c", "d": "e"}),
        ('x:a="b,c"', {"a": "b,c"}),
        ("x:a= 'b,' ,c=d", {"a": "b,", "c": "d"}),
        ("x:a=' b '", {"a": " b "}),
        ("x:a=''", {"a": ""}),
        ("x:a='it''s'", {"a": "it's"}),
        ("x:a=''''", {"a": "'"}),
        ("x:a='''a,b'''", {"a": "'a,b'"}),
        ('x:a="say ""hi, you"""', {"a": 'say "hi, you"'}),
        ("x:a='\"',b=\"'\"", {"a": '"', "b": "'"}),
        # A quote opens a value and nothing else.
        ("x:a=it's,b=1", {"a": "it's", "b": "1"}),
        ("x:a=it''s,b=1", {"a": "it''s", "b": "1"}),
        ("x:a=rock 'n' roll", {"a": "rock 'n' roll"}),
        ("x:a=b='1,c=2", {"a": "b='1", "c": "2"}),
        ("x:a='", None),
        ("x:a='b", None),
        ("x:a='b''", None),
        ("x:a=\"b'", None),
        ("x:a='b','c'", None),
        ("x:", None),
        ("x:a", None),
        ("x:=1", None),
        ("x: =1", None),
        ("x:a=1,", None),
        ("x:a=1,,b=2", None),
        ("x:a=1,a=2", None),
        ("x:a=1, a =2", None),
        ("x:name=y", None),
        ("x:options=y", None),
        ("", None),
        (" ", None),
        (":a=1", None),
    ],
)
def test_what_is_written_is_what_is_chosen(text: str, options: dict[str, str] | None) -> None:
    if options is None:
        with pytest.raises(PluginError) as caught:
            PluginChoice.parse(text)
        assert repr(text) in str(caught.value)  # where it is wrong
        return
    choice = PluginChoice.parse(text)
    assert choice == PluginChoice(name="x", options=options)
    assert PluginChoice.model_validate(choice.table()) == choice


def test_a_table_is_the_name_and_the_options_beside_it() -> None:
    table = {"name": "x", "a": 1, "b": [2.5, "c"]}
    choice = PluginChoice.model_validate(table)
    assert choice == PluginChoice(name="x", options={"a": 1, "b": [2.5, "c"]})
    assert choice.table() == table
