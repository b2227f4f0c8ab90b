"""`/{account}/quiet-hours`: writing, reading and removing policies, and what is no policy."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from local.virtual import Answer
from tests.unit.function.office import HAND, WEEK, Office, policy

NIGHT = "quiet-hours/night"
ANY = {"start": "00:00", "end": "24:00"}


def put(office: Office, document: Any = None, name: str = "night", **headers: str) -> Answer:
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return office.call("PUT", f"quiet-hours/{name}", policy("22:00-07:00") if document is None else document, given)


# ---- writing and reading --------------------------------------------------------------------------------------------


def test_a_policy_is_created_then_replaced_and_read_as_it_was_written(office: Office) -> None:
    document = {
        "timezone": "Europe/Berlin",
        "windows": [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "19:00", "end": "08:00"},
            {"days": ["sat", "sun"], "start": "00:00", "end": "24:00"},
        ],
        "dates": {"2026-12-25": [ANY], "2026-12-31": []},
        "chats": {"all": True, "types": ["chat", "open"], "title": "Deal *", "except": ["chat42"]},
        "enabled": True,
    }
    shown = {"name": "night", **document, "next_change": {"at": "2026-03-03T18:00:00Z", "muted": True}}
    first, second = put(office, document), put(office, document)
    assert (first.status, second.status) == (201, 200)
    got = office.call("GET", NIGHT)
    assert first.body == second.body == got.body == shown
    assert (got.status, got.headers["ETag"]) == (200, second.headers["ETag"])
    assert first.headers["ETag"] != second.headers["ETag"]
    assert got.headers["ETag"].startswith('"')
    assert office.ok("GET", "quiet-hours") == {"policies": [shown]}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"enabled": None, "dates": None}, {}),
        ({"dates": {}}, {}),
        ({"enabled": False}, {"enabled": False, "next_change": None}),
        ({"chats": {"only": ["CHAT1", 547, "chat1"]}}, {"chats": {"only": ["chat1", "547"]}}),
        ({"chats": {"all": True, "except": [], "types": None, "workgroups": False}}, {"chats": {"all": True}}),
        (
            {"timezone": "Asia/Kathmandu"},
            {"timezone": "Asia/Kathmandu", "next_change": {"at": "2026-03-03T16:15:00Z", "muted": True}},
        ),
    ],
)
def test_what_is_left_out_or_written_otherwise_comes_back_canonically(
    office: Office, given: dict[str, Any], shown: dict[str, Any]
) -> None:
    plain = put(office, policy("22:00-07:00")).body
    assert put(office, {**policy("22:00-07:00"), **given}).body == {**plain, **shown}


def test_days_come_back_in_the_weeks_order(office: Office) -> None:
    shown = put(office, policy("22:00-07:00", days=["sun", "mon"])).body
    assert shown["windows"] == [{"days": ["mon", "sun"], "start": "22:00", "end": "07:00"}]


@pytest.mark.parametrize(
    ("now", "coming"),
    [
        ("2026-03-03 12:00", {"at": "2026-03-03T22:00:00Z", "muted": True}),
        ("2026-03-03 22:00", {"at": "2026-03-04T07:00:00Z", "muted": False}),
        ("2026-03-04 06:59", {"at": "2026-03-04T07:00:00Z", "muted": False}),
        ("2026-03-04 07:00", {"at": "2026-03-04T22:00:00Z", "muted": True}),
    ],
)
def test_the_next_change_is_the_windows_next_edge(office: Office, now: str, coming: Any) -> None:
    office.go(now)
    assert put(office).body["next_change"] == coming
    assert office.ok("GET", NIGHT)["next_change"] == coming


@pytest.mark.parametrize(
    "document",
    [policy("00:00-24:00"), policy(dates={"2020-01-01": [ANY]}), policy("22:00-07:00", enabled=False)],
)
def test_a_policy_that_changes_nothing_has_no_next_change(office: Office, document: Any) -> None:
    assert put(office, document).body["next_change"] is None


def test_the_list_is_by_name_and_of_this_account_only(office: Office) -> None:
    office.add_account("other")
    for name in ("b", "a-1", "0", "a_1"):
        put(office, name=name)
    office.call("PUT", "quiet-hours/elsewhere", policy("22:00-07:00"), account="other")
    assert [one["name"] for one in office.ok("GET", "quiet-hours")["policies"]] == ["0", "a-1", "a_1", "b"]


def test_a_policy_is_removed_and_what_it_holds_is_let_go(office: Office) -> None:
    put(office, policy("11:00-13:00"))
    office.go("2026-03-03 12:01")
    assert office.muted > {HAND}
    answer = office.call("DELETE", NIGHT)
    assert (answer.status, answer.body, "Content-Type" in answer.headers) == (204, None, False)
    office.go("2026-03-03 12:02")
    assert office.muted == {HAND}
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/preview"), ("POST", "/skip"), ("DELETE", "/skip")]:
        assert office.refused(method, NIGHT + path)[:2] == (404, "NOT_FOUND"), (method, path)
    assert office.ok("GET", "quiet-hours") == {"policies": []}
    assert put(office).status == 201


BAD_TAGS = ("x", '"x', '*, "x"', '"x" "y"', ",")

# ---- preconditions --------------------------------------------------------------------------------------------------


def test_if_match_lets_only_who_has_seen_the_latest_write_and_remove(office: Office) -> None:
    first = put(office).headers["ETag"]
    second = put(office, If_Match=first).headers["ETag"]
    stale = put(office, If_Match=first)
    assert (stale.status, stale.body["error"]) == (412, "PRECONDITION_FAILED")
    assert office.call("DELETE", NIGHT, headers={"If-Match": first}).status == 412
    assert office.call("GET", NIGHT).headers["ETag"] == second, "nothing was written"
    assert office.call("DELETE", NIGHT, headers={"if-match": second}).status == 204


@pytest.mark.parametrize(
    ("name", "value", "there", "absent"),
    [
        ("If-Match", "{tag}", 200, 412),
        ("if-match", "{tag}", 200, 412),
        ("If-Match", "*", 200, 412),
        ("If-Match", " * ", 200, 412),
        ("If-Match", '"x", {tag}', 200, 412),
        ("If-Match", '{tag},"x"', 200, 412),
        ("If-Match", '"x"', 412, 412),
        ("If-Match", '"x", "y"', 412, 412),
        ("If-Match", '"*"', 412, 412),
        ("If-Match", "W/{tag}", 412, 412),
        ("If-None-Match", "*", 412, 201),
        ("IF-NONE-MATCH", "*", 412, 201),
        ("If-None-Match", "{tag}", 412, 201),
        ("If-None-Match", "W/{tag}", 412, 201),
        ("If-None-Match", '"x"', 200, 201),
        *[
            (name, bad, 400, 400)
            for name in ("If-Match", "If-None-Match")
            for bad in ("", " ", "x", '"x', '*, "x"', '"x" "y"', ",")
        ],
    ],
)
def test_preconditions(office: Office, name: str, value: str, there: int, absent: int) -> None:
    assert (
        office.call("PUT", "quiet-hours/new", policy("22:00-07:00"), {name: value.format(tag='"0"')}).status == absent
    )
    tag = put(office).headers["ETag"]
    answer = office.call("PUT", NIGHT, policy("22:00-07:00"), {name: value.format(tag=tag)})
    assert answer.status == there
    if there == 400:
        assert answer.body["error"] == "INVALID_PARAMETER"
        assert answer.body["error_description"].startswith(f"{name}: ")


def test_without_preconditions_the_last_write_wins(office: Office) -> None:
    for end in ("07:00", "08:00", "06:00"):
        assert put(office, policy(f"22:00-{end}")).status in {200, 201}
    assert office.ok("GET", NIGHT)["windows"][0]["end"] == "06:00"


class Meanwhile:
    """Stands between the service and DynamoDB; before the next transaction somebody else does something."""

    def __init__(self, office: Office) -> None:
        self.todo: list[Any] = []
        dynamodb = office.stack.dynamodb
        write = dynamodb.transact_write_items

        def transact(**request: Any) -> Any:
            if self.todo:
                self.todo.pop(0)()
            return write(**request)

        dynamodb.transact_write_items = transact  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 200), ({"If-Match": "*"}, 200), ({"If-Match": "{tag}"}, 412), ({"If-None-Match": '"x"'}, 200)],
)
def test_of_two_writers_at_once_the_slower_one_looks_again(office: Office, headers: Any, status: int) -> None:
    tag = put(office).headers["ETag"]
    meanwhile = Meanwhile(office)
    meanwhile.todo.append(lambda: put(office, policy("23:00-01:00")))
    headers = {name: value.format(tag=tag) for name, value in headers.items()}
    answer = office.call("PUT", NIGHT, policy("20:00-21:00"), headers)
    assert (answer.status, meanwhile.todo) == (status, [])
    start = office.ok("GET", NIGHT)["windows"][0]["start"]
    assert start == ("20:00" if status == 200 else "23:00")


def test_of_two_who_create_at_once_if_none_match_lets_one(office: Office) -> None:
    meanwhile = Meanwhile(office)
    meanwhile.todo.append(lambda: put(office, policy("23:00-01:00")))
    assert put(office, If_None_Match="*").status == 412
    meanwhile.todo.append(lambda: office.call("DELETE", NIGHT))
    assert put(office).status == 201, "removed meanwhile, so it is new"


def test_a_removal_that_loses_the_race_removes_what_is_there_then_or_says_so(office: Office) -> None:
    tag = put(office).headers["ETag"]
    meanwhile = Meanwhile(office)
    meanwhile.todo.append(lambda: put(office, policy("23:00-01:00")))
    assert office.call("DELETE", NIGHT, headers={"If-Match": tag}).status == 412
    meanwhile.todo.append(lambda: put(office, policy("23:00-02:00")))
    assert office.call("DELETE", NIGHT).status == 204
    put(office)
    meanwhile.todo.append(lambda: office.call("DELETE", NIGHT))
    assert office.call("DELETE", NIGHT).status == 404


def test_who_loses_every_race_is_told_to_try_again(office: Office) -> None:
    put(office)
    meanwhile = Meanwhile(office)

    def again() -> None:
        meanwhile.todo.clear()
        put(office, policy("23:00-01:00"))
        meanwhile.todo.append(again)

    meanwhile.todo.append(again)
    answer = put(office)
    assert (answer.status, answer.headers["Retry-After"]) == (409, "1")


# ---- what is no policy ----------------------------------------------------------------------------------------------

WINDOW = {"days": ["mon"], "start": "22:00", "end": "07:00"}
NO_DAYS: tuple[Any, ...] = ("Mon", "monday", "mon", "", 1, None, [])
Bad = tuple[dict[str, Any], str]


def each(field: str, *values: Any) -> list[Bad]:
    return [({field: value}, field) for value in values]


def in_a_window(field: str, *values: Any) -> list[Bad]:
    return [({"windows": [{**WINDOW, field: value}]}, f"windows[0].{field}") for value in values]


BAD: list[Bad] = [
    *each("timezone", None, "", "Berlin", "europe/berlin", "UTC+1", "../UTC", "Europe/Berlin ", 7, []),
    *each("windows", None, [], {}, "x", [WINDOW] * 65),
    ({"windows": [], "dates": {}}, "windows"),
    ({"windows": ["x"]}, "windows[0]"),
    ({"windows": [WINDOW, {**WINDOW, "note": "x"}]}, "windows[1].note"),
    ({"windows": [{**WINDOW, "Start": "22:00"}]}, "windows[0].Start"),
    *in_a_window("days", None, [], "mon", {}, [*WEEK, "mon"]),
    *[(fields, "windows[0].days[1]") for fields, _ in in_a_window("days", *(["mon", day] for day in NO_DAYS))],
    *in_a_window("start", None, "24:00", "7:00", "22:60", "22:00:00", "22.00", " 22:00", "22:00\n", 22, []),
    *in_a_window("start", "\u0662\u0662:00", "\uff12\uff12:00", "-1:00"),
    *in_a_window("end", None, "22:00", "24:01", "25:00", "7:00", 7, ""),
    ({"windows": [{**WINDOW, "start": "00:00", "end": "00:00"}]}, "windows[0].end"),
    *each("dates", [], "x", 7, {str(date(2026, 1, 1) + timedelta(n)): [] for n in range(367)}),
    *[
        ({"dates": {name: []}}, f"dates.{name}")
        for name in ("2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "20260101", "x", "2026-01-01T00:00")
    ],
    ({"dates": {"": []}}, 'dates.""'),
    ({"dates": {"2026-12-25": None}}, "dates.2026-12-25"),
    ({"dates": {"2026-12-25": ANY}}, "dates.2026-12-25"),
    ({"dates": {"2026-12-25": [ANY] * 65}}, "dates.2026-12-25"),
    ({"dates": {"2026-12-25": [WINDOW]}}, "dates.2026-12-25[0].days"),
    ({"dates": {"2026-12-25": [{"start": "08:00", "end": "08:00"}]}}, "dates.2026-12-25[0].end"),
    *each("chats", None, [], "all", {}, {"types": ["chat"]}, {"only": ["chat1"], "all": True}),
    ({"chats": {"only": ["chat1"], "title": "x"}}, "chats"),
    ({"chats": {"only": []}}, "chats.only"),
    ({"chats": {"only": ["chat1"] * 1001}}, "chats.only"),
    ({"chats": {"only": ["chat1", "chat0"]}}, "chats.only[1]"),
    *[({"chats": {"all": value}}, "chats.all") for value in (False, "true", 1)],
    ({"chats": {"all": True, "type": "chat"}}, "chats.type"),
    ({"chats": {"all": True, "title": ""}}, "chats.title"),
    ({"chats": {"all": True, "except": "chat1"}}, "chats.except"),
    ({"chats": {"all": True, "workgroups": "Y"}}, "chats.workgroups"),
    *[({"enabled": value}, "enabled") for value in ("Y", 1, 0, "true")],
    *[({name: None}, name) for name in ("name", "next_change", "Timezone", "skipped", "$schema")],
    ({"a\nb": 1}, "a?b"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field"), BAD)
def test_a_policy_that_makes_no_sense_is_refused_and_the_field_is_named(
    office: Office, fields: dict[str, Any], field: str
) -> None:
    document = {**policy("22:00-07:00"), **fields}
    status, code, description = office.refused("PUT", NIGHT, document)
    assert (status, code) == (422, "INVALID_POLICY")
    assert description.startswith(f"{field}: ")
    assert description.endswith(".")
    assert len(description) <= 300
    assert office.refused("POST", "quiet-hours/preview", document) == (status, code, description)
    assert office.ok("GET", "quiet-hours") == {"policies": []}


@pytest.mark.parametrize("name", ["a" * 64, "Night", "-a", "_a", "a.b", "a%20b", "\u00e9", "a b", "a\n"])
def test_a_name_that_no_policy_can_have(office: Office, name: str) -> None:
    status, code, description = office.refused("PUT", f"quiet-hours/{name}", policy("22:00-07:00"))
    assert (status, code) == (422, "INVALID_POLICY")
    assert description.startswith("name: ")
    assert office.refused("GET", f"quiet-hours/{name}")[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["a", "0", "a" * 63, "a-_9", "health", "default"])
def test_names_that_a_policy_can_have(office: Office, name: str) -> None:
    assert put(office, name=name).status == 201
    assert office.ok("GET", f"quiet-hours/{name}")["name"] == name


# ---- bodies ---------------------------------------------------------------------------------------------------------

VALID = json.dumps(policy("22:00-07:00"))


@pytest.mark.parametrize(
    "body",
    [
        "\ufeff" + VALID,
        VALID[:-1],
        VALID + "x",
        f"[{VALID}]",
        "null",
        "7",
        '"x"',
        "{'timezone': 'UTC'}",
        VALID[:-1] + ', "enabled": NaN}',
        VALID[:-1] + ', "timezone": "UTC"}',
        '{"windows": [{"start": "01:00", "start": "02:00"}]}',
        "[" * 100_000,
        '{"windows": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a":' * 30_000 + "1" + "}" * 30_000,
    ],
    ids=range(14),
)
@pytest.mark.parametrize(("method", "path"), [("PUT", NIGHT), ("POST", "quiet-hours/preview"), ("POST", "mutes")])
def test_a_body_that_is_no_json_object_is_refused(office: Office, method: str, path: str, body: str) -> None:
    assert office.refused(method, path, body)[:2] == (400, "INVALID_PARAMETER")


@pytest.mark.parametrize("bytes_", [256 * 1024 + 1, 10_000_000])
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", NIGHT), ("POST", "quiet-hours/preview"), ("POST", "mutes"), ("POST", f"{NIGHT}/skip")]
)
def test_a_body_over_256_kib_is_too_large(office: Office, method: str, path: str, bytes_: int) -> None:
    assert office.refused(method, path, VALID.ljust(bytes_))[:2] == (413, "TOO_LARGE")


def test_a_body_of_256_kib_is_not(office: Office) -> None:
    assert put(office, VALID.ljust(256 * 1024)).status == 201


def test_in_a_policy_keys_are_exactly_so(office: Office) -> None:
    refused = office.refused("PUT", NIGHT, {**policy("22:00-07:00"), "ENABLED": False})
    assert refused == (422, "INVALID_POLICY", "ENABLED: unknown field.")


# ---- the most there may be ------------------------------------------------------------------------------------------


def test_the_largest_policy_there_may_be(office: Office) -> None:
    days = {str(date(2026, 1, 1) + timedelta(n)): [ANY, {"start": "01:00", "end": "00:30"}] for n in range(366)}
    windows = [
        {"days": WEEK, "start": f"{n // 3:02}:{n % 3 * 20:02}", "end": f"{n // 3:02}:{n % 3 * 20 + 10:02}"}
        for n in range(64)
    ]
    chats = {"only": [f"chat{n}" for n in range(1, 1001)]}
    document = {"timezone": "Europe/Berlin", "windows": windows, "dates": days, "chats": chats}
    answer = put(office, document)
    assert answer.status == 201
    assert (len(answer.body["windows"]), len(answer.body["dates"])) == (64, 366)
    assert office.ok("GET", NIGHT) == answer.body
    office.go("2026-03-03 12:01")
    assert office.muted == {1, 2, 3, 4, 5, 50, 99}


def test_a_hundred_policies_and_not_one_more(office: Office) -> None:
    for number in range(100):
        assert put(office, name=f"p{number:02}").status == 201
    refused = office.refused("PUT", "quiet-hours/one-more", policy("22:00-07:00"))
    assert refused == (422, "INVALID_POLICY", "name: at most 100 policies are allowed.")
    assert put(office, name="p07").status == 200, "those there are may still be changed"
    assert office.call("DELETE", "quiet-hours/p99").status == 204
    assert put(office, name="one-more").status == 201
    assert len(office.ok("GET", "quiet-hours")["policies"]) == 100
    office.go("2026-03-03 22:00")
    assert office.owners(1).keys() == {f"policy:p{number:02}" for number in range(99)} | {"policy:one-more"}


# ---- routes and methods ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("", {"GET"}),
        ("im.chat.mute", {"POST"}),
        ("mutes", {"POST"}),
        ("jobs/x", {"GET", "DELETE"}),
        ("chats/chat1", {"GET"}),
        ("holds", {"GET", "DELETE"}),
        ("quiet-hours", {"GET"}),
        (NIGHT, {"GET", "PUT", "DELETE"}),
        (f"{NIGHT}/preview", {"GET"}),
        (f"{NIGHT}/skip", {"POST", "DELETE"}),
    ],
)
def test_a_method_a_route_does_not_have_is_told_with_those_it_has(office: Office, path: str, allowed: set[str]) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"} - allowed:
        answer = office.call(method, path)
        assert (answer.status, answer.body["error"]) == (405, "METHOD_NOT_ALLOWED"), method
        assert set(answer.headers["Allow"].split(", ")) == allowed


def test_the_preview_of_an_unsaved_policy_shares_its_path_with_a_policy_of_that_name(office: Office) -> None:
    answer = office.call("PATCH", "quiet-hours/preview")
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "GET", "PUT", "DELETE"}


@pytest.mark.parametrize(
    "path",
    ["quiet-hours/", "quiet-hours//preview", f"{NIGHT}/", f"{NIGHT}/previews", f"{NIGHT}/skip/x", "Quiet-Hours", "jobs",
     "jobs/", "mutes/x", "holds/", "holdsx", "chats", "x", "tick", "openapi.yaml", "health"],
)  # fmt: skip
def test_a_path_that_is_no_route(office: Office, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert office.refused(method, path)[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("account", ["nobody", "Default", "-x", "x" * 64, "\u00e9"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "quiet-hours", None),
        ("GET", NIGHT, None),
        ("PUT", NIGHT, policy("22:00-07:00")),
        ("DELETE", NIGHT, None),
        ("GET", f"{NIGHT}/preview", None),
        ("POST", "quiet-hours/preview", policy("22:00-07:00")),
        ("POST", f"{NIGHT}/skip", None),
        ("DELETE", f"{NIGHT}/skip", None),
        ("POST", "mutes", {"chats": ["chat1"]}),
        ("GET", "jobs/x", None),
        ("DELETE", "jobs/x", None),
        ("GET", "chats/chat1", None),
        ("GET", "", None),
    ],
)
def test_an_account_that_is_not_there(office: Office, method: str, path: str, body: Any, account: str) -> None:
    answer = office.call(method, path, body, account=account)
    assert (answer.status, answer.body["error"]) == (404, "ACCOUNT_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "quiet-hours?days=1", None),
        ("GET", f"{NIGHT}?x=", None),
        ("PUT", f"{NIGHT}?dry=1", policy("22:00-07:00")),
        ("DELETE", f"{NIGHT}?force=1", None),
        ("POST", f"{NIGHT}/skip?n=2", None),
        ("POST", "mutes?x=1", {"chats": ["chat1"]}),
        ("GET", f"{NIGHT}/preview?until=x", None),
    ],
)
def test_an_unknown_query_parameter_is_refused(office: Office, method: str, path: str, body: Any) -> None:
    put(office)
    status, code, description = office.refused(method, path, body)
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert description.endswith("unknown query parameter.")
