"""Policies: read strictly, written back canonically."""

import contextlib
import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_mute.quiet_hours.policy import DAYS, Policy
from chat_mute.quiet_hours.reading import PolicyError
from chat_mute.quiet_hours.selection import All
from chat_mute.quiet_hours.windows import Window
from chat_mute.quiet_hours.zones import zone_names
from tests.unit.quiet_hours_domain.builders import document

EXAMPLE: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "windows": [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "19:00", "end": "08:00"},
        {"days": ["sat", "sun"], "start": "00:00", "end": "24:00"},
    ],
    "dates": {"2026-12-25": [{"start": "00:00", "end": "24:00"}], "2026-12-31": []},
    "chats": {"all": True, "types": ["chat", "open"], "title": "Deal *", "except": ["chat42"]},
    "enabled": True,
}
WINDOW = {"days": ["mon"], "start": "22:00", "end": "07:00"}


def test_the_example_of_the_contract() -> None:
    policy = Policy.parse("night", EXAMPLE)
    assert policy == Policy(
        name="night",
        zone="Europe/Berlin",
        windows=(Window(1140, 480, (0, 1, 2, 3, 4)), Window(0, 1440, (5, 6))),
        dates={date(2026, 12, 25): (Window(0, 1440),), date(2026, 12, 31): ()},
        selection=All(types=("chat", "open"), title="Deal *", excepted=("chat42",)),
    )
    assert policy.to_json() == EXAMPLE
    assert isinstance(hash(policy), int)


def test_the_canonical_document_is_in_order() -> None:
    given = document("22:00-07:00", days=["sun", "mon"], dates={"2026-12-31": [], "2026-01-01": []}, enabled=None)
    canonical = Policy.parse("x", given).to_json()
    assert canonical["windows"][0]["days"] == ["mon", "sun"]
    assert list(canonical["dates"]) == ["2026-01-01", "2026-12-31"]
    assert canonical["enabled"] is True
    assert "dates" not in Policy.parse("x", document("22:00-07:00", dates={})).to_json()


@pytest.mark.parametrize("name", ["a", "0", "night", "a-b_c", "x" * 63])
def test_names(name: str) -> None:
    assert Policy.parse(name, EXAMPLE).name == name


@pytest.mark.parametrize("name", ["", "-a", "_a", "A", "é", "a b", "a/b", "a\n", "x" * 64, "..", None, 7])
def test_what_is_no_name(name: Any) -> None:
    with pytest.raises(PolicyError, match=r"^name: "):
        Policy.parse(name, EXAMPLE)


def windows(*given: Any, **more: Any) -> dict[str, Any]:
    return {**document(), "windows": list(given), **more}


def window(**given: Any) -> dict[str, Any]:
    return windows(WINDOW, {**WINDOW, **given})


def dates(**given: Any) -> dict[str, Any]:
    return document("22:00-07:00", dates={name.replace("_", "-").lstrip("d"): value for name, value in given.items()})


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in EXAMPLE.items() if name != field}


@pytest.mark.parametrize(
    ("given", "field", "reason"),
    [
        (None, "policy", "must be an object"),
        ([EXAMPLE], "policy", "must be an object"),
        ("x", "policy", "must be an object"),
        ({**EXAMPLE, "name": "night"}, "name", "unknown field"),
        ({**EXAMPLE, "Timezone": None}, "Timezone", "unknown field"),
        ({**EXAMPLE, "x" * 99: 1}, "x" * 64, "unknown field"),
        ({}, "timezone", "is needed"),
        (without("timezone"), "timezone", "is needed"),
        ({**EXAMPLE, "timezone": None}, "timezone", "is needed"),
        (without("windows"), "windows", "is needed"),
        (without("chats"), "chats", "is needed"),
        ({**EXAMPLE, "chats": {"all": True, "only": ["chat1"]}}, "chats", 'only one of "only" and "all"'),
        ({**EXAMPLE, "enabled": 1}, "enabled", "true or false"),
        ({**EXAMPLE, "enabled": "true"}, "enabled", "true or false"),
        ({**EXAMPLE, "windows": {}}, "windows", "must be a list"),
        ({**EXAMPLE, "windows": "x"}, "windows", "must be a list"),
        (windows(), "windows", "only beside dates"),
        (windows(dates={}), "windows", "only beside dates"),
        (windows(*[WINDOW] * 65), "windows", "at most 64"),
        (windows(WINDOW, "22:00-07:00"), "windows[1]", "must be an object"),
        (windows(WINDOW, None), "windows[1]", "must be an object"),
        (window(day="mon"), "windows[1].day", "unknown field"),
        (window(days=None), "windows[1].days", "must be a list"),
        (window(days="mon"), "windows[1].days", "must be a list"),
        (window(days=[]), "windows[1].days", "at least one"),
        (window(days=["mon", "Mon"]), "windows[1].days[1]", "must be one of mon, tue, wed, thu, fri, sat, sun"),
        (window(days=["monday"]), "windows[1].days[0]", "must be one of"),
        (window(days=[0]), "windows[1].days[0]", "must be one of"),
        (window(days=[["mon"]]), "windows[1].days[0]", "must be one of"),
        (window(days=["mon", "tue", "mon"]), "windows[1].days[2]", "is given twice"),
        (window(days=[*DAYS, "mon"]), "windows[1].days", "at most 7"),
        (window(start="24:00"), "windows[1].start", "must be HH:MM"),
        (window(start=None), "windows[1].start", "must be HH:MM"),
        (window(end=None), "windows[1].end", "must be HH:MM or 24:00"),
        (window(end="24:01"), "windows[1].end", "must be HH:MM or 24:00"),
        (window(end="22:00"), "windows[1].end", "must differ from start"),
        (window(start="00:00", end="00:00"), "windows[1].end", "must differ from start"),
        ({**EXAMPLE, "dates": []}, "dates", "must be an object"),
        (dates(d2026_02_30=[]), "dates.2026-02-30", "must be a date"),
        (dates(d20261225=[]), "dates.20261225", "must be a date"),
        (dates(d2026_W01_1=[]), "dates.2026-W01-1", "must be a date"),
        (dates(d0000_01_01=[]), "dates.0000-01-01", "must be a date"),
        ({**EXAMPLE, "dates": {" 2026-12-25": []}}, "dates. 2026-12-25", "must be a date"),
        ({**EXAMPLE, "dates": {"2026-12-25\n": []}}, "dates.2026-12-25?", "must be a date"),
        ({**EXAMPLE, "dates": {"٢٠٢٦-12-25": []}}, "dates.٢٠٢٦-12-25", "must be a date"),
        (dates(d2026_12_25=None), "dates.2026-12-25", "must be a list"),
        (dates(d2026_12_25=[None]), "dates.2026-12-25[0]", "must be an object"),
        (dates(d2026_12_25=[WINDOW]), "dates.2026-12-25[0].days", "unknown field"),
        (dates(d2026_12_25=[{"start": "10:00", "end": "10:00"}]), "dates.2026-12-25[0].end", "must differ"),
        (dates(d2026_12_25=[{"start": "1:00", "end": "10:00"}]), "dates.2026-12-25[0].start", "must be HH:MM"),
        (dates(d2026_12_25=[{"start": "01:00", "end": "02:00"}] * 65), "dates.2026-12-25", "at most 64"),
    ],
)
def test_faults_name_field_and_reason(given: Any, field: str, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.parse("night", given)
    assert caught.value.field == field
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "text",
    [
        "", "8:00", "08:0", "08:60", "25:00", "-1:00", "08:00:00", " 08:00", "08:00\n", "0800", "08.00",
        "\u0660\u0668:\u0660\u0660", "08:00Z", 8, 480, True, ["08:00"],
    ],
)  # fmt: skip
def test_what_is_no_time(text: object) -> None:
    for edge, reason in (("start", "must be HH:MM"), ("end", "must be HH:MM or 24:00")):
        with pytest.raises(PolicyError, match=rf"^windows\[1\]\.{edge}: {reason}$"):
            Policy.parse("night", window(**{edge: text}))


@pytest.mark.parametrize(
    "zone",
    [
        "", " ", "localtime", "posixrules", "europe/berlin", "EUROPE/BERLIN", "Europe/Berlin\n", "Europe\\Berlin",
        "Berlin", "CEST", "UTC+2", "+02:00", "../Europe/Berlin", "/usr/share/zoneinfo/UTC", "Europe/../UTC", "Europe/",
        "zone.tab", "tzdata.zi", "__init__.py", "Europe/Berlin\x00", 1, True, ["UTC"], {},
    ],
)  # fmt: skip
def test_what_is_no_zone(zone: object) -> None:
    with pytest.raises(PolicyError, match=r"^timezone: must be the IANA name"):
        Policy.parse("night", {**EXAMPLE, "timezone": zone})


def test_every_iana_name_is_a_zone() -> None:
    for name in zone_names():
        assert Policy.parse("night", {**EXAMPLE, "timezone": name}).zone == name


def many_dates(count: int, each: int) -> dict[str, Any]:
    hours = [
        {"start": f"{hour // 2:02}:{hour % 2 * 30:02}", "end": f"{hour // 2:02}:{hour % 2 * 30 + 15:02}"}
        for hour in range(each)
    ]
    return {(date(2026, 1, 1) + timedelta(days=day)).isoformat(): hours for day in range(count)}


def test_quotas() -> None:
    Policy.parse("p", windows(*[WINDOW] * 64, dates=many_dates(366, 2)))
    Policy.parse("p", windows(dates=many_dates(32, 32)))
    with pytest.raises(PolicyError, match=r"^dates: at most 366 "):
        Policy.parse("p", windows(dates=many_dates(367, 0)))
    with pytest.raises(PolicyError, match=r"^dates: at most 1,024 windows"):
        Policy.parse("p", windows(dates=many_dates(33, 32)))


def test_past_dates_and_windows_on_a_date_alone_are_fine() -> None:
    policy = Policy.parse("p", windows(dates={"1999-01-01": [{"start": "00:00", "end": "24:00"}], "2000-02-29": []}))
    assert policy.windows == ()


TIMES = st.integers(0, 1439).map(lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}")
SPANS = st.fixed_dictionaries({"start": TIMES, "end": TIMES | st.just("24:00")}).filter(
    lambda w: w["start"] != w["end"]
)
IDS = st.from_regex(r"\A(chat|SG|crm)?[1-9][0-9]{0,17}\Z") | st.integers(1, 2**63 - 1)
TITLES = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=200)
SELECTIONS = st.fixed_dictionaries({"only": st.lists(IDS, min_size=1, max_size=5)}) | st.fixed_dictionaries(
    {"all": st.just(True)},
    optional={
        "types": st.lists(st.from_regex(r"\A[A-Za-z0-9_]{1,32}\Z"), min_size=1, max_size=4),
        "title": TITLES,
        "except": st.lists(IDS, max_size=4),
        "workgroups": st.booleans(),
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "timezone": st.sampled_from(sorted(zone_names())),
        "windows": st.lists(
            st.tuples(st.lists(st.sampled_from(DAYS), min_size=1, unique=True), SPANS).map(
                lambda pair: {"days": pair[0], **pair[1]}
            ),
            min_size=1,
            max_size=4,
        ),
        "chats": SELECTIONS,
    },
    optional={
        "dates": st.dictionaries(st.dates().map(str), st.lists(SPANS, max_size=3), max_size=4),
        "enabled": st.booleans() | st.none(),
    },
)


@settings(max_examples=150)
@given(document=DOCUMENTS)
def test_reading_what_was_written_gives_the_same_policy(document: dict[str, Any]) -> None:
    policy = Policy.parse("p", document)
    canonical = policy.to_json()
    assert Policy.parse("p", json.loads(json.dumps(canonical))) == policy
    assert Policy.parse("p", canonical).to_json() == canonical


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.sampled_from(["mon", "22:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["days", "start", "end", "only", "all"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(
    document=JUNK | st.dictionaries(st.sampled_from(sorted(EXAMPLE)), JUNK),
    field=st.sampled_from(sorted(EXAMPLE)),
    junk=JUNK,
)
def test_junk_is_a_policy_error_and_nothing_else(document: Any, field: str, junk: Any) -> None:
    for given_ in (document, {**EXAMPLE, field: junk}):
        with contextlib.suppress(PolicyError):
            Policy.parse("p", given_)


def test_a_fault_is_named_even_where_the_field_has_no_name() -> None:
    with pytest.raises(PolicyError, match=r'^"": unknown field$'):
        Policy.parse("p", {"": None})
