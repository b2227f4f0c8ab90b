"""Title globs: what they match, and that no pattern makes them slow."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_mute.quiet_hours.globs import Glob, glob


@pytest.mark.parametrize(
    ("pattern", "title"),
    [
        ("*", ""),
        ("*", "anything\nat all"),
        ("", ""),
        ("Deal *", "Deal 7"),
        ("Deal *", "Deal "),
        ("*deal*", "The DEAL of 2026"),
        ("?", "x"),
        ("a?c*e", "ABCDE"),
        ("**a**", "a"),
        ("[Urgent] *", "[urgent] Deal 7"),
        ("C:\\*", "c:\\temp"),
        ("a.c", "A.C"),
        ("straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("Сделка *", "СДЕЛКА 12"),
        ("caf\u00e9", "cafe\u0301"),
        ("\u0439*", "\u0418\u0306\u043e\u0433"),
        ("*?a", "aaa"),
        ("*a*a*a", "aaa"),
    ],
)
def test_matches(pattern: str, title: str) -> None:
    assert Glob(pattern).matches(title)


@pytest.mark.parametrize(
    ("pattern", "title"),
    [
        ("", "x"),
        ("?", ""),
        ("?", "xy"),
        ("Deal *", "Deal"),
        ("Deal *", "A Deal 7"),
        ("Deal *", "Ideal 7"),
        ("a.c", "abc"),
        ("[abc]", "a"),
        ("a|b", "a"),
        ("(?i)a", "a"),
        ("*a*a*a", "aa"),
        ("a*", "ba"),
        ("*a", "ab"),
        ("deal", "deal\n"),
    ],
)
def test_does_not_match(pattern: str, title: str) -> None:
    assert not Glob(pattern).matches(title)


@given(pattern=st.text("ab*?", max_size=8), title=st.text("abc", max_size=10))
def test_agrees_with_a_regular_expression(pattern: str, title: str) -> None:
    parts = {"*": ".*", "?": "."}
    expected = re.fullmatch("".join(parts.get(character, character) for character in pattern), title) is not None
    assert Glob(pattern).matches(title) == expected


@given(text=st.text().filter(lambda text: not set(text) & set("*?")))
def test_every_text_matches_itself_in_any_case(text: str) -> None:
    assert Glob(text).matches(text)
    assert Glob(text).matches(text.casefold())


@pytest.mark.parametrize("pattern", ["*a" * 100, "a*" * 100, "?*" * 100, "*" * 200, "*a?" * 66 + "b", "*" + "a" * 199])
def test_no_pattern_is_slow(pattern: str) -> None:
    start = time.process_time()
    Glob(pattern).matches("a" * 100_000 + "c")
    assert time.process_time() - start < 1


def test_a_pattern_is_compiled_once() -> None:
    assert glob("Deal *") is glob("Deal *")
