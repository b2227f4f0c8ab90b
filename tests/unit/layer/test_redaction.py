"""What may come out of a portal's texts."""

import logging
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24.redaction import DESCRIPTION_LENGTH, RedactingFilter, describe, redact
from tests.unit.layer.doubles import CODE, URL

SECRETS = (CODE,)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Method not found!", "Method not found!"),
        (f"no webhook {CODE}", "no webhook ***"),
        (f"{CODE}{CODE}", "******"),
        (f"{CODE[:6]}<b>{CODE[6:]}</b>", "***"),
        (f"{CODE[:3]}<i class='x'>{CODE[3:5]}</i><br/>{CODE[5:]}", "***"),
        (f"{CODE[:3]}<<b>i>{CODE[3:]}", "***"),
        (f"{CODE[:3]}\x00{CODE[3:]}", "***"),
        (f"{CODE[:3]}\x9f\x07{CODE[3:]}", "***"),
        (f"https://portal.example/rest/503/{CODE}/profile", "https://portal.example/rest/503/***/profile"),
        ("https://other.example/rest/1/unknown0code/profile", "https://other.example/rest/1/***/profile"),
        ("https://other.example/REST/1/unknown0code", "https://other.example/REST/1/***"),
        ('"/rest/1/unknown0code"', '"/rest/1/***"'),
        ("<a href='/rest/1/unknown0code/'>here</a>", "here"),
        ("<b>bold</b> <script>alert(1)</script>", "bold alert(1)"),
        ("<scr<b>ipt>alert(1)</scr</b>ipt>", "alert(1)"),
        ("a < b and c > d", "a d"),
        ("3 < 4", "3 < 4"),
        ("two\r\nlines\tand\x0btabs\u2028here", "two lines and tabs here"),
        ("bell\x07 escape\x1b[31m red\x9b", "bell escape[31m red"),
        ("  spaces  ", "spaces"),
        ("half \ud83d smile", "half ? smile"),
        ("\u0427\u0430\u0442 \U0001f600", "\u0427\u0430\u0442 \U0001f600"),
        ("<br><br>", ""),
        ("", ""),
    ],
)
def test_a_description_is_one_line_without_tags_and_secrets(text: str, shown: str) -> None:
    assert describe(text, SECRETS) == shown


@pytest.mark.parametrize("value", [None, 7, True, ["text"], {"message": "text"}, b"text"])
def test_a_description_that_is_no_text_is_none(value: object) -> None:
    assert describe(value, SECRETS) == ""


def test_a_description_is_cut_at_300_characters_after_the_secrets_are_out() -> None:
    assert describe("x" * 10_000) == "x" * DESCRIPTION_LENGTH
    for start in range(DESCRIPTION_LENGTH - len(CODE) - 1, DESCRIPTION_LENGTH + 1):
        shown = describe("x" * start + CODE + "y" * 1000, SECRETS)
        assert len(shown) <= DESCRIPTION_LENGTH
        assert CODE[:2] not in shown


@pytest.mark.parametrize("unit", ["<", ">", "<>", "< ", "<a", "/rest/1/", "&lt;", "\x00", " "])
def test_a_mebibyte_is_described_quickly(unit: str) -> None:
    before = time.process_time()
    shown = describe((unit * 2**20)[: 2**20], SECRETS)
    assert time.process_time() - before < 2
    assert not re.search("<[^<>]*>", shown)


def test_tags_nested_without_end_do_not_come_out() -> None:
    assert not re.search("<[^<>]*>", describe("<" * 300 + "b" + ">" * 300 + "end"))


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [CODE, CODE[:4], CODE[4:], "<b>", "<", ">", "/rest/503/", "/rest/", "1/", "\x00", "\ud800", " "]
        ),
        st.text(max_size=5),
    ),
    max_size=30,
).map("".join)


@given(PIECES)
def test_no_secret_tag_or_control_character_ever_comes_out(text: str) -> None:
    shown = describe(text, SECRETS)
    assert CODE not in shown
    assert not re.search(r"<[^<>]*>|[\x00-\x1f\x7f-\x9f\ud800-\udfff]", shown)
    assert len(shown) <= DESCRIPTION_LENGTH
    shown.encode()


@given(PIECES)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text, SECRETS), SECRETS) == redact(text, SECRETS)
    assert CODE not in redact(text, SECRETS)


@pytest.mark.parametrize("escaped", ['/rest/1/c0de\\"', "/rest/1/c0de\\n", "/rest/1/c0de\\u00e9"])
def test_redacting_json_leaves_its_escapes_alone(escaped: str) -> None:
    assert redact(escaped) == escaped.replace("c0de", "***")


def test_the_filter_rewrites_a_record_with_its_arguments() -> None:
    record = logging.LogRecord("n", logging.DEBUG, "f", 1, '"%s %s" %d', ("POST", URL + "im.chat.mute", 200), None)
    assert RedactingFilter().filter(record) is True
    assert record.getMessage() == '"POST https://portal.example/rest/503/***/im.chat.mute" 200'
    assert CODE not in repr(vars(record))
