"""TOML that is long takes no longer than its length, and what is none is a ValueError."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import strict_toml

LONG = 30_000
DOTS = ".".join("abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize(
    "text",
    [
        f'allowed = ["https://{DOTS}", "{DOTS}"]',
        f"a = '{DOTS}' # don't {DOTS}\nb.c = 1",
        f'a = """\n"{DOTS}""\\" \'{DOTS}"""\nb = 1.5',
        f"a = '''\n'{DOTS}''\"{DOTS}'''\nb = 2026-06-15",
        f"# \"{DOTS}\n# '''\n[a.\"b.c\"]\nd = [1.0, 2.0, {{e.f = 3.0}}]",
        "[" + ".".join("a" * 17) + "]",
    ],
)
def test_it_says_what_python_s_own_reader_says(text: str) -> None:
    assert strict_toml.decode(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "a." * LONG + "a = 1",
        "a . " * LONG + "a = 1",
        "[" + "a." * LONG + "a]",
        "[['a'." + '"b".' * LONG + "a]]",
        "x = {" + "a." * LONG + "a = 1}",
        "." * LONG,
        "a = " + "[" * LONG,
        "a = " + '"a\\' * LONG,
        *(mark * LONG for mark in ('"', "'", '"""', "'''", "a", "a ", '"\\"', "a'", '"#')),
    ],
)
def test_what_would_take_minutes_is_refused(text: str) -> None:
    """Each of these took a reader more than all time that there is: the test would not end."""
    with pytest.raises(ValueError, match=r"."):
        strict_toml.decode(text)


@given(st.text("a.=[]{}\"'#\\\n 1,", max_size=60))
def test_any_text_is_what_python_s_own_reader_takes_it_for(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            strict_toml.decode(text)
        return
    if text.count(".") <= strict_toml.MAX_DOTS:
        assert strict_toml.decode(text) == expected
