"""Texts that look like others, and texts that want to be more than texts: in globs, in names, in log lines."""

import json
from collections import defaultdict
from typing import Any

import pytest

from chat_mute.quiet_hours.globs import Glob
from tests.unit.function.conftest import Lines
from tests.unit.function.office import ANN, Office, policy

# ---- globs ----------------------------------------------------------------------------------------------------------


class _Counting(dict[str, int]):
    """A glob's steps, each look into it counted."""

    def __init__(self, steps: dict[str, int]) -> None:
        super().__init__(steps)
        self.looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)


@pytest.mark.parametrize(
    "pattern", ["*a" * 100, "*?" * 100, "?*" * 99 + "b", "*" * 200, "a*" * 99 + "b", "*a*a*a*a*a*a*b"]
)
def test_a_glob_takes_one_step_for_each_character_whatever_the_pattern(pattern: str) -> None:
    """There is nothing to track back to: what a regular expression needs ages for is one look per character."""
    glob = Glob(pattern)
    steps = glob._step = _Counting(glob._step)
    for length in (10, 1_000, 50_000):
        steps.looks = 0
        glob.matches("a" * length)
        assert steps.looks == length


@pytest.mark.parametrize(
    ("pattern", "title", "is_meant"),
    [
        ("caf\u00e9", "cafe\u0301", True),
        ("cafe\u0301", "caf\u00e9", True),
        ("\u1e9b\u0323", "\u1e9b\u0323", True),
        ("CAF\u00c9", "cafe\u0301", True),
        ("De\u200bal", "Deal", False),
        ("Deal", "De\u200bal", False),
        ("Deal", "D\u0435al", False),
        ("Deal", "\uff24eal", False),
        ("Deal", "Deal\u202e", False),
        ("Deal", "\u202eDeal", False),
        ("Deal*", "Deal\x00", True),
        (".*", "Deal", False),
        ("[a-z]*", "Deal", False),
        ("\\*", "*", False),
        ("?", "\U0001f600", True),
        ("?", "", False),
        ("\u0130", "i\u0307", True),
        ("%", "Deal", False),
        ("$(id)", "$(id)", True),
    ],
)
def test_a_title_is_matched_by_its_letters_and_not_by_how_they_look(pattern: str, title: str, is_meant: bool) -> None:
    assert Glob(pattern).matches(title) is is_meant


@pytest.mark.parametrize("text", ["\x00", "a\x00", "\n", "\x7f", "\x85", "\u2028", "\u2029", "\udc00", "\ud83d\u0301"])
def test_a_pattern_with_what_cannot_be_seen_or_sent_is_refused(office: Office, text: str) -> None:
    document = policy("22:00-07:00", chats={"all": True, "title": text})
    assert office.refused("PUT", "quiet-hours/night", document)[:2] == (422, "INVALID_POLICY")


@pytest.mark.parametrize(
    "title",
    [
        "a" + "\u0323\u0301" * 20_000,
        "a" + "\u0301" * 20_000 + "\u0323" * 20_000,
        "x" * 100_000,
        "\ud83d",
        "\x00\r\n",
        "\u202e" * 300,
        "<script>",
    ],
    ids=range(7),
)
def test_a_chats_title_is_read_as_far_as_bitrix24_writes_one(
    office: Office, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unicode's forms are put into order in quadratic time: a mebibyte of accents would take a worker minutes."""
    seen: list[int] = []
    matches = Glob.matches

    def watched(glob: Glob, text: str) -> bool:
        seen.append(len(text))
        return matches(glob, text)

    monkeypatch.setattr(Glob, "matches", watched)
    office.portal.add_chat(77, members=[ANN], title=title)
    document = policy("22:00-07:00", chats={"all": True, "title": "*"})
    shown = office.ok("POST", "quiet-hours/preview?chats=1", document)["chats"]
    assert [one["title"] for one in shown if one["chat_id"] == 77] == [title[:1000]]
    assert max(seen) <= 1000


@pytest.mark.parametrize("title", [[["x"]], {"a": 1}, None, True, 7, 1.5, 10**300])
def test_a_title_that_is_no_text_harms_nobody(office: Office, title: Any) -> None:
    office.portal.chats[1].title = title
    assert {
        one["chat_id"] for one in office.ok("POST", "quiet-hours/preview?chats=1", policy("22:00-07:00"))["chats"]
    } >= {1, 2, 3}
    assert office.chat(1)["chat_id"] == 1


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Night", "n\u0131ght", "\u217cnight", "nig\u200bht", "night\u0301", "night ", " night", "night\n",
    "night\x00", "../night", "night#x", "policy#night",
     "\ud800", "\uff4eight", "-night", "_night", "x" * 64, "%6eight", "night;", "*"],
)  # fmt: skip
def test_a_policys_name_is_plain_or_refused(office: Office, name: str) -> None:
    office.put("night")
    assert office.refused("PUT", f"quiet-hours/{name}", policy("22:00-07:00"))[0] in {404, 422}
    assert office.refused("GET", f"quiet-hours/{name}")[:2] == (404, "NOT_FOUND")
    assert [one["name"] for one in office.ok("GET", "quiet-hours")["policies"]] == ["night"]


# ---- log lines ------------------------------------------------------------------------------------------------------

FORGED = '\r\n{"level": "INFO", "message": "chat set", "account": "default"}\u2028\x85\x1b[31m\x00{"_aws": {}}'


def test_no_line_and_no_metric_can_be_forged(office: Office, lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    office.call("GET", "holds", account=f"default{FORGED}")
    office.call("POST", f"im.chat.mute{FORGED}", {})
    office.call("POST", "im.chat.mute", {"CHAT_ID": FORGED})
    office.call("POST", "im.chat.mute", {FORGED: 1})
    office.call("POST", "im.chat.mute", {"CHAT_ID": 1}, caller=f"arn:aws:iam::1:user/{FORGED}")
    office.call("POST", "im.chat.mute", {"CHAT_ID": 1}, {"Idempotency-Key": FORGED})
    office.call("PUT", f"quiet-hours/{FORGED}", policy("22:00-07:00"))
    office.call("GET", f"jobs/{FORGED}")
    office.call("GET", f"holds?{FORGED}=1")
    told = lines()  # each line is one object, or this raises
    assert len(told) == 9
    assert [one["message"] for one in told].count("chat set") == 1, "the one that was"
    printed = capsys.readouterr().out.splitlines()
    metrics: dict[str, float] = defaultdict(float)
    for line in printed:
        one = json.loads(line)
        assert one["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "QuietHours"
        for metric in one["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            metrics[metric["Name"]] += sum(one[metric["Name"]])
    assert metrics == {"ChatMuted": 1, "ChatMuted.explicit_mute": 1}


def test_a_line_does_not_grow_with_the_request(office: Office, lines: Lines) -> None:
    office.call("GET", "holds", account="x" * 9000)
    office.call("POST", "im.chat.mute", {"x" * 9000: 1})
    assert max(len(json.dumps(line)) for line in lines()) < 1000
