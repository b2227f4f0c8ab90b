"""PHP's way of reading and writing values, as far as a portal shows it."""

from __future__ import annotations

from typing import Any

import pytest

from local.portal import php


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1489, 1489),
        ("1489", 1489),
        ("1489abc", 1489),
        (" 42", 42),
        ("42 ", 42),
        ("-7", -7),
        ("+7", 7),
        ("1e3", 1000),
        ("1.9", 1),
        (".5", 0),
        ("abc", 0),
        ("chat1489", 0),
        ("0x1A", 0),
        ("", 0),
        (None, 0),
        (True, 1),
        (False, 0),
        ([], 0),
        ([7], 1),
        ({}, 0),
        ({"a": 0}, 1),
        (12.9, 12),
        (-12.9, -12),
        (float("inf"), 0),
        (float("nan"), 0),
        ("99999999999999999999", 2**63 - 1),
        ("-99999999999999999999", -(2**63)),
        ("9" * 5000, 2**63 - 1),
        (10**30, 2**63 - 1),
        ("\u0664\u0662", 0),
    ],
)
def test_intval(value: Any, expected: int) -> None:
    assert php.intval(value) == expected


@pytest.mark.parametrize("value", ["N", True])
def test_loosely_equal_to_n(value: Any) -> None:
    assert php.equals_n(value) is True


@pytest.mark.parametrize("value", ["Y", "n", " N", "N ", "", "0", "false", "NO", None, False, 0, 1, 0.0, [], ["N"], {}])
def test_not_loosely_equal_to_n(value: Any) -> None:
    assert php.equals_n(value) is False


@pytest.mark.parametrize("value", ["", "0", 0, 0.0, False, None, [], {}])
def test_false_to_php(value: Any) -> None:
    assert php.truthy(value) is False


@pytest.mark.parametrize("value", ["false", "0.0", " ", "N", 1, -1, True, [0]])
def test_true_to_php(value: Any) -> None:
    assert php.truthy(value) is True


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "1"), (False, ""), (None, ""), (5, "5"), (5.0, "5"), (5.5, "5.5"), ("x", "x"), ([7], "Array")],
)
def test_to_string(value: Any, expected: str) -> None:
    assert php.to_string(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, []),
        ({"0": "a", "1": "b"}, ["a", "b"]),
        ({0: "a", 1: "b"}, ["a", "b"]),
        ({1: "a"}, {"1": "a"}),
        ({"1": "b", "0": "a"}, {"1": "b", "0": "a"}),
        ({"00": "a"}, {"00": "a"}),
        ({"c1": {}}, {"c1": []}),
        ({"a": [{"0": {"x": {}}}]}, {"a": [[{"x": []}]]}),
        (True, True),
    ],
)
def test_to_json(value: Any, expected: Any) -> None:
    assert php.to_json(value) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("CHAT_ID=1489&MUTE=N", {"CHAT_ID": "1489", "MUTE": "N"}),
        ("a=1&a=2", {"a": "2"}),
        ("a", {"a": ""}),
        ("=1&&b=2", {"b": "2"}),
        ("a[b]=c&a[d][e]=f", {"a": {"b": "c", "d": {"e": "f"}}}),
        ("a[]=x&a[]=y&a[9]=z&a[]=w", {"a": {0: "x", 1: "y", 9: "z", 10: "w"}}),
        ("cmd[0]=x", {"cmd": {0: "x"}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("first.name=x&last+name=y", {"first_name": "x", "last_name": "y"}),
        ("t=%C3%A4+b%26c", {"t": "\u00e4 b&c"}),
        ("7=x", {7: "x"}),
        ("a[b=1", {"a_b": "1"}),
    ],
)
def test_parse_str(query: str, expected: dict[Any, Any]) -> None:
    assert php.parse_str(query) == expected


def test_upper_keys_works_on_the_top_level_only() -> None:
    assert php.upper_keys({"chat_id": 1, "Chat_Id": 2, "cmd": {"a": 1}}) == {"CHAT_ID": 2, "CMD": {"a": 1}}
    assert php.upper_keys(["x"]) == {"0": "x"}
    assert php.upper_keys("x") == {}
