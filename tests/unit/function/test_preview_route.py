"""Looking ahead: `preview`, of a policy that is saved and of one that is not; and `skip`."""

from typing import Any

import pytest

from local.portal import Fault
from tests.unit.function.office import BEN, GROUP, HAND, LINES, PRIVATE, Office, policy

PREVIEW = "quiet-hours/night/preview"
UNSAVED = "quiet-hours/preview"
SKIP = "quiet-hours/night/skip"
BERLIN = {"zone": "Europe/Berlin"}


def spans(shown: Any) -> list[tuple[str, str]]:
    return [(window["start"], window["end"]) for window in shown["windows"]]


# ---- when -----------------------------------------------------------------------------------------------------------


def test_a_preview_as_the_contract_shows_it_saved_or_not(office: Office) -> None:
    document = policy("22:00-07:00", zone="Europe/Berlin")
    office.ok("PUT", "quiet-hours/night", document)
    shown = office.ok("GET", f"{PREVIEW}?days=1")
    assert list(shown) == ["timezone", "windows", "chats"]
    assert shown == {
        "timezone": "Europe/Berlin",
        "windows": [
            {
                "start": "2026-03-03T21:00:00Z",
                "end": "2026-03-04T06:00:00Z",
                "local_start": "2026-03-03T22:00:00+01:00",
                "local_end": "2026-03-04T07:00:00+01:00",
                "note": None,
            }
        ],
        "chats": None,
    }
    assert office.ok("POST", f"{UNSAVED}?days=1", document) == shown
    assert [one["name"] for one in office.ok("GET", "quiet-hours")["policies"]] == ["night"], "nothing is saved"


def test_it_is_14_days_from_now_unless_told(office: Office) -> None:
    office.put("night")
    found = spans(office.ok("GET", PREVIEW))
    assert len(found) == 14
    assert found[0] == ("2026-03-03T22:00:00Z", "2026-03-04T07:00:00Z")
    assert found[-1] == ("2026-03-16T22:00:00Z", "2026-03-17T07:00:00Z")


@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("days=1", "2026-03-03T21:00:00Z", 1),
        ("days=366", "2026-03-03T21:00:00Z", 366),
        ("from=2026-03-05&days=1", "2026-03-04T21:00:00Z", 2),  # the date's midnight in Berlin, inside a window
        ("from=2026-03-04T23:00:00Z&days=1", "2026-03-04T21:00:00Z", 2),
        ("from=2026-03-05T00:00%2B01:00&days=1", "2026-03-04T21:00:00Z", 2),
        ("from=2026-03-05t06:00z&days=1", "2026-03-05T21:00:00Z", 1),  # a window's end is not in it
        ("from=2020-01-01&days=2", "2019-12-31T21:00:00Z", 3),
        ("from=1900-01-02&days=1", "1900-01-01T21:00:00Z", 2),
        ("from=9898-12-31&days=366", "9898-12-30T21:00:00Z", 367),  # as far as we look
    ],
)
def test_from_and_days(office: Office, query: str, first: str, count: int) -> None:
    office.put("night", "22:00-07:00", zone="Europe/Berlin")
    query = query.replace("%2B", "+")  # the gateway has decoded it
    for found in (
        spans(office.ok("GET", f"{PREVIEW}?{query}")),
        spans(office.ok("POST", f"{UNSAVED}?{query}", policy("22:00-07:00", zone="Europe/Berlin"))),
    ):
        assert (found[0][0], len(found)) == (first, count)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *[
            (f"days={value}", "days")
            for value in ("0", "-1", "367", "1.5", "", "x", "014", "1e1", "9999", "\u0661", " 1")
        ],
        *[
            (f"from={value}", "from")
            for value in (
                *("", "now", "2026-02-29", "2026-3-1", "20260301", "2026-03-01T00:00:00", "2026-03-01 00:00Z", "0"),
                *("1899-12-31", "0001-01-01", "9899-01-02", "9900-01-01", "9999-12-31T23:59:59-01:00", "9999-12-31"),
            )
        ],
        *[(f"chats={value}", "chats") for value in ("", "2", "yes", "true", "Y", "01")],
    ],
)
@pytest.mark.parametrize(("method", "path", "body"), [("GET", PREVIEW, None), ("POST", UNSAVED, policy("22:00-07:00"))])
def test_what_from_days_and_chats_are_not(  # noqa: PLR0917  a table's row
    office: Office, method: str, path: str, body: Any, query: str, field: str
) -> None:
    office.put("night")
    status, code, description = office.refused(method, f"{path}?{query}", body)
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert description.startswith(f"{field}: ")


@pytest.mark.parametrize("name", ["from", "days", "chats"])
def test_a_parameter_given_twice_is_refused(office: Office, name: str) -> None:
    office.put("night")
    values = {"from": "2026-03-04", "days": "3", "chats": "0"}
    event = {
        "resource": "/{account}/{proxy+}",
        "path": f"/default/{PREVIEW}",
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": {name: values[name]},
        "multiValueQueryStringParameters": {name: [values[name]] * 2},
        "pathParameters": {"account": "default", "proxy": PREVIEW},
        "requestContext": {"requestId": "r", "identity": {"userArn": "arn:aws:iam::1:user/ci"}},
        "body": None,
        "isBase64Encoded": False,
    }
    answer = office.invoke(event)
    assert answer["statusCode"] == 400
    assert f"{name}: given more than once." in answer["body"]


@pytest.mark.parametrize(
    ("day", "window", "found"),
    [
        (
            "2026-03-28",
            "22:00-02:30",
            ("2026-03-28T21:00:00Z", "2026-03-29T01:00:00Z", "2026-03-28T22:00:00+01:00", "2026-03-29T03:00:00+02:00",
             "clocks go forward by 60 min at 2026-03-29 02:00"),
        ),
        (
            "2026-03-29",
            "02:15-06:00",
            ("2026-03-29T01:00:00Z", "2026-03-29T04:00:00Z", "2026-03-29T03:00:00+02:00", "2026-03-29T06:00:00+02:00",
             "clocks go forward by 60 min at 2026-03-29 02:00"),
        ),
        (
            "2026-10-24",
            "22:00-02:30",
            ("2026-10-24T20:00:00Z", "2026-10-25T01:30:00Z", "2026-10-24T22:00:00+02:00", "2026-10-25T02:30:00+01:00",
             "clocks go back by 60 min at 2026-10-25 03:00"),
        ),
        (
            "2026-10-25",
            "01:00-02:00",
            ("2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00",
             None),
        ),
    ],
)  # fmt: skip
def test_the_clocks_changes_are_noted(office: Office, day: str, window: str, found: tuple[str, ...]) -> None:
    shown = office.ok("POST", f"{UNSAVED}?from={day}&days=1", policy(window, zone="Europe/Berlin"))
    assert found in [tuple(one.values()) for one in shown["windows"]]


def test_a_window_wholly_inside_a_gap_is_not_there(office: Office) -> None:
    document = policy("02:10-02:50", zone="Europe/Berlin")
    starts = [start for start, _ in spans(office.ok("POST", f"{UNSAVED}?from=2026-03-28&days=3", document))]
    assert starts == ["2026-03-28T01:10:00Z", "2026-03-30T00:10:00Z"]


@pytest.mark.parametrize(
    ("windows", "found"),
    [
        (("22:00-23:00", "23:00-24:00"), [("2026-03-03T22:00:00Z", "2026-03-04T00:00:00Z")]),
        (("22:00-23:00", "23:01-24:00"), [("2026-03-03T22:00:00Z", "2026-03-04T00:00:00Z")]),
        (
            ("22:00-23:00", "23:02-24:00"),
            [("2026-03-03T22:00:00Z", "2026-03-03T23:00:00Z"), ("2026-03-03T23:02:00Z", "2026-03-04T00:00:00Z")],
        ),
        (("00:00-24:00",), [(None, None)]),
    ],
)
def test_windows_are_shown_united_and_without_an_end_that_is_not_in_sight(
    office: Office, windows: tuple[str, ...], found: Any
) -> None:
    shown = office.ok("POST", f"{UNSAVED}?days=1", policy(*windows))
    assert spans(shown) == found
    if found == [(None, None)]:
        assert shown["windows"][0]["local_start"] is shown["windows"][0]["local_end"] is None


def test_dates_replace_the_windows_that_start_on_them(office: Office) -> None:
    dates = {"2026-03-04": [], "2026-03-05": [{"start": "10:00", "end": "12:00"}]}
    assert spans(office.ok("POST", f"{UNSAVED}?days=3", policy("22:00-23:00", dates=dates))) == [
        ("2026-03-03T22:00:00Z", "2026-03-03T23:00:00Z"),
        ("2026-03-05T10:00:00Z", "2026-03-05T12:00:00Z"),
    ]


def test_a_disabled_policy_is_previewed_as_if_it_were_not(office: Office) -> None:
    office.put("night", enabled=False)
    assert len(office.ok("GET", f"{PREVIEW}?days=1")["windows"]) == 1


# ---- which chats ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?chats=0", "?days=3&chats=0"])
def test_without_chats_the_portal_is_not_asked(office: Office, query: str) -> None:
    office.put("night")
    with office.cost() as cost:
        assert office.ok("GET", PREVIEW + query)["chats"] is None
        assert office.ok("POST", UNSAVED + query, policy("22:00-07:00"))["chats"] is None
    assert (cost.portal, cost.writes) == ([], 0)


def chats(office: Office, selection: Any) -> list[Any]:
    shown: list[Any] = office.ok("POST", f"{UNSAVED}?chats=1", policy("22:00-07:00", chats=selection))["chats"]
    office.put("night", chats=selection)
    assert office.ok("GET", f"{PREVIEW}?chats=1")["chats"] == shown
    return shown


def test_with_chats_they_are_shown_as_they_are_now(office: Office) -> None:
    office.put("night", chats={"only": ["chat1"]})
    with office.cost() as cost:
        shown = chats(office, {"all": True, "title": "Deal *"})
    assert cost.portal == ["im.recent.list"] * 2, "one page, and nothing is changed"
    assert sorted(shown, key=lambda chat: chat["chat_id"]) == [
        {
            "dialog_id": f"chat{number}", "chat_id": number, "title": f"Deal {number}", "type": "chat",
            "muted": number == HAND, "mutable": True,
        }
        for number in range(1, 6)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        ({"all": True}, {1, 2, 3, 4, 5, PRIVATE}),
        ({"all": True, "workgroups": True}, {1, 2, 3, 4, 5, PRIVATE, GROUP}),
        ({"all": True, "types": ["user"]}, {PRIVATE}),
        ({"all": True, "types": ["private"]}, {PRIVATE}),
        ({"all": True, "types": ["sonetGroup"], "workgroups": True}, {GROUP}),
        ({"all": True, "except": ["chat1", str(BEN), "chat3"]}, {2, 4, 5}),
        ({"only": ["CHAT1", "sg7", BEN]}, {1, GROUP, PRIVATE}),
        ({"only": [f"chat{PRIVATE}", f"chat{GROUP}"]}, {GROUP, PRIVATE}),
        ({"all": True, "title": "nothing*"}, set()),
    ],
)
def test_the_chats_a_selection_means(office: Office, selection: Any, meant: set[int]) -> None:
    assert {chat["chat_id"] for chat in chats(office, selection)} == meant


def test_named_chats_that_are_not_there_are_told_and_such_that_cannot_be_muted_too(office: Office) -> None:
    office.portal.add_chat(6, members=[BEN])
    shown = {
        chat["dialog_id"]: chat for chat in chats(office, {"only": ["chat6", "chat4711", f"chat{LINES}", "chat1"]})
    }
    nothing = {"chat_id": None, "title": None, "type": None, "muted": None, "mutable": False}
    assert shown["chat6"] == {"dialog_id": "chat6", **nothing}
    assert shown["chat4711"] == {"dialog_id": "chat4711", **nothing}
    assert shown[f"chat{LINES}"]["mutable"] is False
    assert shown["chat1"]["mutable"] is True
    assert len(shown) == 4


def test_trouble_of_the_portal_is_told_where_chats_are_asked_for(office: Office) -> None:
    office.put("night")
    office.portal.faults.add(Fault.error("OVERLOAD_LIMIT", status=503), times=None)
    assert office.refused("GET", f"{PREVIEW}?chats=1")[:2] == (503, "OVERLOAD_LIMIT")
    assert office.call("GET", PREVIEW).status == 200


def test_a_policy_and_an_account_that_are_not_there(office: Office) -> None:
    assert office.refused("GET", PREVIEW)[:2] == (404, "NOT_FOUND")
    for chats_ in ("0", "1"):
        answer = office.call("POST", f"{UNSAVED}?chats={chats_}", policy("22:00-07:00"), account="nobody")
        assert (answer.status, answer.body["error"]) == (404, "ACCOUNT_NOT_FOUND")


# ---- skip -----------------------------------------------------------------------------------------------------------


def test_the_running_window_is_skipped_else_the_next(office: Office) -> None:
    office.put("night", "11:00-13:00")
    office.go("2026-03-03 12:01")
    answer = office.call("POST", SKIP)
    assert (answer.status, answer.body) == (
        200,
        {"skipped": {"start": "2026-03-03T11:00:00Z", "end": "2026-03-03T13:00:00Z"}},
    )
    office.go("2026-03-03 12:02")
    assert office.muted == {HAND}
    office.go("2026-03-03 13:00")
    assert office.ok("POST", SKIP) == {"skipped": {"start": "2026-03-04T11:00:00Z", "end": "2026-03-04T13:00:00Z"}}


def test_asked_twice_it_is_the_same_window(office: Office) -> None:
    office.put("night")
    first = office.ok("POST", SKIP)
    office.stack.clock.set(office.stack.clock.now().replace(hour=23))
    with office.cost() as cost:
        assert office.ok("POST", SKIP) == office.ok("POST", SKIP, "") == office.ok("POST", SKIP, "{}") == first
    assert (cost.writes, cost.portal) == (0, [])


def test_a_skip_is_left_out_of_the_preview_and_of_what_comes_next(office: Office) -> None:
    office.put("night")
    office.ok("POST", SKIP)
    assert spans(office.ok("GET", f"{PREVIEW}?days=2")) == [("2026-03-04T22:00:00Z", "2026-03-05T07:00:00Z")]
    assert office.ok("GET", "quiet-hours/night")["next_change"]["at"] == "2026-03-04T22:00:00Z"
    assert office.chat(1)["next_change"] == {"at": "2026-03-04T22:00:00Z", "muted": True}


def test_a_skip_is_of_the_united_window_and_of_one_policy(office: Office) -> None:
    office.put("night", "22:00-23:00", "23:01-02:00")
    office.put("other", "22:30-23:30", chats={"only": ["chat3"]})
    assert office.ok("POST", SKIP) == {"skipped": {"start": "2026-03-03T22:00:00Z", "end": "2026-03-04T02:00:00Z"}}
    office.go("2026-03-03 23:00")
    assert office.muted == {HAND, 3}


def test_a_skip_changes_the_policys_version_and_outlives_a_new_document(office: Office) -> None:
    tag = office.call("PUT", "quiet-hours/night", policy("22:00-07:00")).headers["ETag"]
    office.ok("POST", SKIP)
    assert office.call("GET", "quiet-hours/night").headers["ETag"] != tag
    office.put("night", "21:00-08:00")
    assert spans(office.ok("GET", f"{PREVIEW}?days=1")) == [
        ("2026-03-03T21:00:00Z", "2026-03-03T22:00:00Z"),
        ("2026-03-04T07:00:00Z", "2026-03-04T08:00:00Z"),
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"enabled": False},
        {"windows": [], "dates": {"2020-01-01": [{"start": "00:00", "end": "24:00"}]}},
        {"windows": [], "dates": {"2030-01-01": [{"start": "00:00", "end": "24:00"}]}},
        {"windows": [], "dates": {"2026-03-04": []}},
    ],
)
def test_where_no_window_comes_there_is_none_to_skip(office: Office, more: dict[str, Any]) -> None:
    office.put("night", **more)
    assert office.refused("POST", SKIP) == (404, "NOT_FOUND", "There is no such window to skip.")


def test_a_skip_is_taken_back_and_to_do_so_twice_is_no_fault(office: Office) -> None:
    office.put("night", "11:00-13:00")
    office.ok("POST", SKIP)
    office.go("2026-03-03 12:01")
    for _ in range(2):
        answer = office.call("DELETE", SKIP)
        assert (answer.status, answer.body) == (204, None)
    office.go("2026-03-03 12:03")
    assert office.muted == {1, 2, 3, 4, 5, PRIVATE}


def test_a_skip_with_a_key_is_done_once(office: Office) -> None:
    office.put("night", "11:00-13:00")
    key = {"Idempotency-Key": "skip-1"}
    first = office.call("POST", SKIP, None, key)
    office.stack.clock.set(office.stack.clock.now().replace(hour=14))
    again = office.call("POST", SKIP, "{}", key)
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")
    assert spans(office.ok("GET", f"{PREVIEW}?days=1"))[0][0] == "2026-03-04T11:00:00Z", "the next one is not skipped"
    office.put("other")
    other = office.call("POST", "quiet-hours/other/skip", None, key)
    assert "Idempotency-Replayed" not in other.headers, "a key is its route's"
    assert other.body["skipped"]["start"] == "2026-03-03T22:00:00Z"


@pytest.mark.parametrize("body", ['{"n": 2}', "[]", "x", '{"window": null}'])
def test_a_skip_takes_no_fields(office: Office, body: str) -> None:
    office.put("night")
    assert office.refused("POST", SKIP, body)[:2] == (400, "INVALID_PARAMETER")


def test_a_skip_of_quiet_without_end_ends_with_the_policy_that_had_it(office: Office) -> None:
    office.ok("PUT", "quiet-hours/night", policy("00:00-24:00"))
    assert office.ok("POST", SKIP) == {"skipped": {"start": None, "end": None}}
    assert office.ok("PUT", "quiet-hours/night", policy("13:00-14:00"))["next_change"] is not None
