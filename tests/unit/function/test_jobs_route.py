"""`POST /{account}/mutes` and `/{account}/jobs/{id}`: many chats, accepted at once, done by looks, told then."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from local.portal import Fault
from local.virtual import CALLER, STATE
from tests.unit.function.office import ANN, BEN, GROUP, HAND, LINES, PRIVATE, Office, at

ME = f"caller:{CALLER}"
KEYS = ["job", "state", "counts", "outcomes", "next", "started_at", "finished_at"]


def create(office: Office, chats: Any = ("chat1",), **fields: Any) -> str:
    """A new job's id."""
    listed = list(chats) if isinstance(chats, tuple) else chats
    job: str = office.ok("POST", "mutes", {"chats": listed, **fields})["job"]
    return job


def show(office: Office, job: str) -> Any:
    return office.ok("GET", f"jobs/{job}")


def outcomes(office: Office, job: str) -> dict[str, str | None]:
    """Each chat's error, None for done; through all pages."""
    found: dict[str, str | None] = {}
    following = ""
    while following is not None:
        page = office.ok("GET", f"jobs/{job}{following and f'?next={following}'}")
        for one in page["outcomes"]:
            assert list(one) == ["dialog_id", "result", "error"]
            assert one["result"] is (one["error"] is None)
            assert one["dialog_id"] not in found
            found[one["dialog_id"]] = one["error"]
        following = page["next"]
    return found


def crowd(office: Office, numbers: Sequence[int]) -> tuple[str, ...]:
    """More chats of Ann's."""
    for number in numbers:
        office.portal.add_chat(number, members=[ANN])
    return tuple(f"chat{number}" for number in numbers)


def nothing_is_left(office: Office) -> None:
    """No marker and no count of open jobs; what is kept of jobs goes by itself."""
    items = office.stack.dynamodb.items(STATE)
    assert [item["sk"]["S"] for item in items if item["sk"]["S"].startswith("open#")] == []
    account = office.account_item()
    assert account.get("jobs", {"N": "0"}) == {"N": "0"}
    assert "pending" not in account
    for item in items:
        if item["sk"]["S"].startswith(("job#", "result#")):
            left = int(item["expires"]["N"]) - office.stack.clock.unix()
            assert timedelta(days=5).total_seconds() < left <= timedelta(days=7).total_seconds()


# ---- accepting ------------------------------------------------------------------------------------------------------


def test_a_job_is_accepted_at_once_and_done_by_the_next_look(office: Office) -> None:
    with office.cost() as cost:
        answer = office.call("POST", "mutes", {"chats": ["chat1", "CHAT3", "547", 4711], "reason": "audit"})
    job = answer.body["job"]
    assert (answer.status, answer.body) == (202, {"job": job, "chats": 4})
    assert answer.headers["Location"] == f"/default/jobs/{job}"
    assert (cost.portal, office.muted) == ([], {HAND})
    waiting = show(office, job)
    assert list(waiting) == KEYS
    assert waiting == {
        "job": job, "state": "queued", "counts": {"total": 4, "done": 0, "failed": 0}, "outcomes": [], "next": None,
        "started_at": None, "finished_at": None,
    }  # fmt: skip
    office.go("2026-03-03 12:01")
    assert office.muted == {1, HAND, 3, PRIVATE}
    assert show(office, job) == {
        "job": job,
        "state": "done",
        "counts": {"total": 4, "done": 3, "failed": 1},
        "outcomes": [
            {"dialog_id": "chat1", "result": True, "error": None},
            {"dialog_id": "chat3", "result": True, "error": None},
            {"dialog_id": "547", "result": True, "error": None},
            {"dialog_id": "4711", "result": False, "error": "ACCESS_ERROR"},
        ],
        "next": None,
        "started_at": show(office, job)["started_at"],
        "finished_at": show(office, job)["finished_at"],
    }
    assert show(office, job)["started_at"].startswith("2026-03-03T12:0")
    nothing_is_left(office)


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        ({"all": True}, {"chat1", "chat2", "chat3", "chat4", "chat5", str(BEN)}),
        ({"all": True, "workgroups": True, "types": ["sonetGroup"]}, {f"chat{GROUP}"}),
        ({"all": True, "title": "Deal *", "except": ["chat1"]}, {"chat2", "chat3", "chat4", "chat5"}),
        ({"all": True, "types": ["lines"]}, set()),
    ],
)
def test_a_selection_is_of_the_chats_there_are_when_it_begins(office: Office, selection: Any, meant: set[str]) -> None:
    answer = office.call("POST", "mutes", {"chats": selection})
    job = answer.body["job"]
    assert (answer.status, answer.body["chats"]) == (202, None)
    assert show(office, job)["counts"] == {"total": None, "done": 0, "failed": 0}
    office.go("2026-03-03 12:01")
    assert outcomes(office, job) == dict.fromkeys(meant)
    assert show(office, job)["counts"] == {"total": len(meant), "done": len(meant), "failed": 0}
    assert show(office, job)["state"] == "done"
    nothing_is_left(office)


def test_a_selection_that_names_chats_tells_what_became_of_each(office: Office) -> None:
    job = create(office, {"only": ["chat1", "sg7", "chat4711", str(BEN)]})
    office.go("2026-03-03 12:01")
    found = outcomes(office, job)
    assert {"chat1", str(BEN)} <= found.keys()
    assert office.muted == {1, HAND, GROUP, PRIVATE}
    assert show(office, job)["state"] == "done"


def test_a_selection_tells_of_a_named_chat_that_is_not_there(office: Office) -> None:
    job = create(office, {"only": ["chat1", "chat4711"]})
    office.go("2026-03-03 12:01")
    assert outcomes(office, job) == {"chat1": None, "chat4711": "ACCESS_ERROR"}


@pytest.mark.parametrize("names", [["chat1", "CHAT1", "chat1"], [547, "547"]])
def test_a_chat_given_twice_is_one(office: Office, names: list[Any]) -> None:
    answer = office.call("POST", "mutes", {"chats": names})
    assert answer.body["chats"] == 1


def test_a_thousand_chats_and_not_one_more(office: Office) -> None:
    names = [f"chat{number}" for number in range(1, 1001)]
    assert office.call("POST", "mutes", {"chats": names}).body["chats"] == 1000
    for more in (["chat1001"], ["chat1"], [None]):
        assert office.refused("POST", "mutes", {"chats": names + more})[:2] == (413, "TOO_LARGE")


END = "2026-03-03T18:00:00Z"
BAD_CHATS: list[tuple[Any, str]] = [
    (None, "chats"), ("chat1", "chats"), (7, "chats"), ([], "chats"), ({}, "chats"), ({"only": []}, "chats.only"),
    (["chat1", "chat0"], "chats[1]"), ([None], "chats[0]"), ([["chat1"]], "chats[0]"), ([True], "chats[0]"),
    ([1.0], "chats[0]"), (["042"], "chats[0]"), ([str(2**63)], "chats[0]"), ({"all": False}, "chats.all"),
    ({"all": True, "x": 1}, "chats.x"), ({"only": ["chat1"], "all": True}, "chats"), ({"types": ["chat"]}, "chats"),
]  # fmt: skip
BAD_TERMS: list[tuple[dict[str, Any], str]] = [
    ({"mute": "y"}, "mute"), ({"mute": True}, "mute"), ({"until": "x"}, "until"), ({"until": 7}, "until"),
    ({"until": "2020-01-01T00:00:00Z"}, "until"), ({"until": "2036-01-01T00:00:00Z"}, "until"),
    ({"for": "P1M"}, "for"), ({"for": "P367D"}, "for"), ({"for": "PT0S"}, "for"),
    ({"until": END, "for": "PT1H"}, "until, for"), ({"mute": "N", "until": END}, "until"),
    ({"mute": "N", "for": "PT1H"}, "for"), ({"reason": ""}, "reason"), ({"reason": "a\nb"}, "reason"),
    ({"reason": "x" * 201}, "reason"), ({"MUTE": "Y"}, "MUTE"), ({"Until": END}, "Until"),
    ({"CHAT_ID": None}, "CHAT_ID"), ({"chat": None}, "chat"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *[({"chats": chats}, field) for chats, field in BAD_CHATS],
        *[({"chats": ["chat1"], **more}, f) for more, f in BAD_TERMS],
    ],
)
def test_what_is_wrong_is_named_in_the_spelling_of_this_body(office: Office, body: Any, field: str) -> None:
    status, code, description = office.refused("POST", "mutes", body)
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert description.startswith(f"{field}: ")
    assert description.endswith(".")
    assert "DIALOG" not in description
    assert office.stack.dynamodb.items(STATE) == []


def test_without_a_body_chats_are_missed(office: Office) -> None:
    status, code, description = office.refused("POST", "mutes")
    assert (status, code, description[:6]) == (400, "INVALID_PARAMETER", "chats:")


@pytest.mark.parametrize("field", ["mute", "until", "for", "reason"])
def test_null_is_absent(office: Office, field: str) -> None:
    assert office.call("POST", "mutes", {"chats": ["chat1"], field: None}).status == 202


# ---- once per key ---------------------------------------------------------------------------------------------------

KEY = {"Idempotency-Key": "job-1"}


def test_a_replay_is_the_same_job(office: Office) -> None:
    first = office.call("POST", "mutes", {"chats": ["chat1"], "for": "PT1H"}, KEY)
    office.stack.clock.set(at("2026-03-03 12:10"))
    again = office.call(
        "POST", "mutes", {"chats": ["CHAT1", "chat1"], "for": "PT60M", "mute": "Y", "reason": None}, KEY
    )
    assert (again.status, again.body) == (202, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len([item for item in office.stack.dynamodb.items(STATE) if item["sk"]["S"].startswith("job#")]) == 1


@pytest.mark.parametrize(
    "other",
    [{"chats": ["chat2"]}, {"chats": ["chat1", "chat2"]}, {"chats": {"all": True}}, {"mute": "N"},
     {"for": "PT1H"}, {"until": END}, {"reason": "x"}],
)  # fmt: skip
def test_another_request_under_the_same_key_is_refused(office: Office, other: dict[str, Any]) -> None:
    office.call("POST", "mutes", {"chats": ["chat1"]}, KEY)
    assert office.refused("POST", "mutes", {"chats": ["chat1"], **other}, KEY)[:2] == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_key_is_its_routes(office: Office) -> None:
    office.call("POST", "im.chat.mute", {"CHAT_ID": 1}, KEY)
    assert office.call("POST", "mutes", {"chats": ["chat1"]}, KEY).status == 202


# ---- what is done ---------------------------------------------------------------------------------------------------


def test_a_mute_until_ends_by_itself_and_brings_back_what_was_before(office: Office) -> None:
    office.put("night", "12:30-12:40", chats={"only": ["chat3"]})
    create(office, ("chat1", "chat2", "chat3"), **{"for": "PT1H", "reason": "audit"})
    office.go("2026-03-03 12:05")
    assert office.muted == {1, 2, 3}
    shown = office.chat(1)
    assert shown["holds"] == [{"owner": ME, "until": "2026-03-03T13:00:00Z", "reason": "audit"}]
    assert office.chat(2)["prior_muted"] is True
    office.go("2026-03-03 12:59")
    assert office.muted == {1, 2, 3}
    office.go("2026-03-03 13:00")
    assert office.muted == {2}
    assert office.ok("GET", "holds")["holds"] == []
    nothing_is_left(office)


def test_for_counts_from_the_request_not_from_the_look(office: Office) -> None:
    create(office, ("chat1",), **{"for": "PT1H"})
    office.stack.minute(at("2026-03-03 12:40"))
    assert office.owners() == {ME: "2026-03-03T13:00:00Z"}


def test_a_mute_until_that_is_past_when_its_turn_comes_mutes_nothing(office: Office) -> None:
    job = create(office, ("chat1", "chat3"), until="2026-03-03T12:10:00Z")
    office.stack.minute(at("2026-03-03 12:10"))
    assert office.portal.calls_of("im.chat.mute") == []
    assert outcomes(office, job) == {"chat1": "UNTIL_PAST", "chat3": "UNTIL_PAST"}
    assert show(office, job)["counts"] == {"total": 2, "done": 0, "failed": 2}
    assert show(office, job)["state"] == "done"
    nothing_is_left(office)


def test_a_plain_mute_is_for_good_and_needs_no_hold(office: Office) -> None:
    create(office, ("chat1",))
    office.go("2026-03-03 12:01")
    assert office.ok("GET", "holds")["holds"] == []
    office.go("2026-04-03 12:01")
    assert office.muted == {1, HAND}
    assert office.due() is None


def test_an_unmute_is_explicit_and_people_win(office: Office) -> None:
    office.put("night", "11:00-14:00")
    office.go("2026-03-03 12:01")
    job = create(office, ("chat1", "chat2", str(BEN)), mute="N")
    office.go("2026-03-03 12:03")
    assert outcomes(office, job) == {"chat1": None, "chat2": None, str(BEN): None}
    assert office.muted == {3, 4, 5}
    assert office.chat(1)["overridden_until"] == "2026-03-03T14:00:00Z"
    office.go("2026-03-03 13:59")
    assert office.muted == {3, 4, 5}
    office.go("2026-03-04 11:00")
    assert office.muted == {1, 2, 3, 4, 5, PRIVATE}


def test_jobs_are_done_in_the_order_they_were_asked_for(office: Office) -> None:
    for mute in ("Y", "N", "Y", "N"):
        office.stack.clock.seconds += 1
        create(office, ("chat1",), mute=mute)
    office.go("2026-03-03 12:01")
    assert [call.params["MUTE"] for call in office.portal.calls_of("im.chat.mute")] == ["Y", "N", "Y", "N"]
    assert office.muted == {HAND}
    nothing_is_left(office)


def test_chats_that_are_not_there_cannot_be_muted_or_refuse_are_told_one_by_one(office: Office) -> None:
    office.portal.add_chat(6, members=[BEN])
    params = {"CHAT_ID": 3}
    office.portal.faults.add(Fault.result(value=False), method="im.chat.mute", in_batch=True, times=None, params=params)
    params = {"CHAT_ID": 4}
    office.portal.faults.add(Fault.error("BRAND_NEW"), method="im.chat.mute", in_batch=True, times=None, params=params)
    names = ("chat1", "chat6", "chat4711", "chat3", "chat4", f"chat{LINES}", "chat5")
    job = create(office, names, **{"for": "PT1H"})
    office.go("2026-03-03 12:05")
    found = outcomes(office, job)
    assert list(found) == list(names), "in the order they were given"
    assert found == {
        "chat1": None, "chat6": "ACCESS_ERROR", "chat4711": "ACCESS_ERROR", "chat3": "ACCESS_ERROR",
        "chat4": "BRAND_NEW", f"chat{LINES}": "ACCESS_ERROR", "chat5": None,
    }  # fmt: skip
    assert office.muted == {1, HAND, 5}
    office.go("2026-03-03 13:05")
    assert office.muted == {HAND}
    assert office.ok("GET", "holds")["holds"] == []


@pytest.mark.parametrize(
    "fault",
    [Fault.html(502), Fault.reset_before_effect(), Fault.error("QUERY_LIMIT_EXCEEDED", status=503),
     Fault.error("OVERLOAD_LIMIT", status=503), Fault.error("OPERATION_TIME_LIMIT", status=429)],
    ids=lambda fault: fault.name,
)  # fmt: skip
def test_a_portal_in_trouble_that_comes_back(office: Office, fault: Fault) -> None:
    job = create(office, ("chat1", "chat3"))
    office.portal.faults.add(fault, times=None)
    office.go("2026-03-03 12:30")
    assert (show(office, job)["state"] in {"queued", "running"}, outcomes(office, job)) == (True, {})
    office.portal.faults.clear()
    office.go("2026-03-03 13:00")
    assert show(office, job)["state"] == "done"
    assert outcomes(office, job) == {"chat1": None, "chat3": None}
    assert office.muted == {1, HAND, 3}
    nothing_is_left(office)


def test_one_chat_in_trouble_does_not_hold_the_job_up_for_good(office: Office) -> None:
    fault = Fault.error("INTERNAL_SERVER_ERROR", status=500)
    office.portal.faults.add(fault, method="im.chat.mute", in_batch=True, times=None, params={"CHAT_ID": 3})
    job = create(office, ("chat1", "chat3", "chat4"))
    office.go("2026-03-03 18:00")
    assert show(office, job)["state"] == "running"
    office.go("2026-03-04 13:00")
    assert show(office, job)["state"] == "done"
    assert outcomes(office, job) == {"chat1": None, "chat3": "INTERNAL_SERVER_ERROR", "chat4": None}
    nothing_is_left(office)


def test_a_webhook_that_is_deleted_meanwhile_ends_in_a_day(office: Office) -> None:
    job = create(office, ("chat1",), **{"for": "PT48H"})
    office.portal.delete_webhook(ANN)
    office.go("2026-03-03 14:00")
    assert show(office, job)["state"] == "queued"
    office.add_account("default")
    office.stack.new_process()
    office.go("2026-03-03 15:00")
    assert outcomes(office, job) == {"chat1": None}


# ---- many, and little time ------------------------------------------------------------------------------------------


def test_outcomes_come_by_the_hundred(office: Office) -> None:
    names = ("chat4711", *crowd(office, range(1000, 1248)), "chat4712")
    job = create(office, names)
    office.go("2026-03-03 12:05")
    pages = []
    following: str | None = ""
    while following is not None:
        page = office.ok("GET", f"jobs/{job}{following and f'?next={following}'}")
        pages.append([one["dialog_id"] for one in page["outcomes"]])
        following = page["next"]
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [name for page in pages for name in page] == list(names)
    assert show(office, job)["counts"] == {"total": 250, "done": 248, "failed": 2}
    nothing_is_left(office)


@pytest.mark.parametrize("following", ["x", "-100", "1.0", "0100", "99999999999900", "\u0661\u0660\u0660", "100a"])
def test_a_next_that_was_never_told_is_refused(office: Office, following: str) -> None:
    job = create(office)
    assert office.refused("GET", f"jobs/{job}?next={following}")[:2] == (400, "INVALID_PARAMETER")


def test_a_next_beyond_the_end_is_an_empty_page(office: Office) -> None:
    job = create(office)
    office.go("2026-03-03 12:01")
    page = office.ok("GET", f"jobs/{job}?next=100")
    assert (page["outcomes"], page["next"]) == ([], None)


def test_when_the_time_is_over_in_the_middle_it_is_told_so_and_goes_on(office: Office) -> None:
    names = crowd(office, range(1000, 1700))
    office.portal.faults.add(Fault.slow_after_effect(8), method="batch", times=None)
    job = create(office, names, **{"for": "PT5H"})
    office.stack.minute(at("2026-03-03 12:01"))
    page = show(office, job)
    assert page["state"] == "running"
    assert 0 < page["counts"]["done"] < 700
    assert page["counts"]["total"] == 700
    assert page["finished_at"] is None
    assert len(outcomes(office, job)) == page["counts"]["done"]
    office.portal.faults.clear()
    office.go("2026-03-03 12:30")
    assert show(office, job)["state"] == "done"
    assert outcomes(office, job) == dict.fromkeys(names)
    assert office.muted == {HAND, *range(1000, 1700)}
    nothing_is_left(office)
    told = [call.params["CHAT_ID"] for call in office.portal.calls_of("im.chat.mute")]
    assert len(told) <= 700 + 200, "what has been done is not done again, but for one round"
    office.go("2026-03-03 17:30")
    assert office.muted == {HAND}


# ---- cancelling -----------------------------------------------------------------------------------------------------


def test_cancelled_before_it_has_begun(office: Office) -> None:
    job = create(office, ("chat1", "chat3"))
    answer = office.call("DELETE", f"jobs/{job}")
    assert (answer.status, answer.body) == (204, None)
    shown = show(office, job)
    assert (shown["state"], shown["counts"]) == ("cancelled", {"total": 2, "done": 0, "failed": 0})
    assert (shown["started_at"], shown["finished_at"]) == (None, "2026-03-03T12:00:00Z")
    nothing_is_left(office)
    office.go("2026-03-03 12:05")
    assert office.muted == {HAND}
    assert office.portal.calls_of("im.chat.mute") == []


def test_cancelled_in_the_middle_what_is_done_stays_done(office: Office) -> None:
    names = crowd(office, range(1000, 1700))
    office.portal.faults.add(Fault.slow_after_effect(8), method="batch", times=None)
    job = create(office, names, **{"for": "PT5H"})
    office.stack.minute(at("2026-03-03 12:01"))
    office.ok("DELETE", f"jobs/{job}")
    shown = show(office, job)
    done = shown["counts"]["done"]
    assert (shown["state"], 0 < done < 700) == ("cancelled", True)
    nothing_is_left(office)
    office.portal.faults.clear()
    office.go("2026-03-03 12:30")
    assert show(office, job) == shown
    assert len(outcomes(office, job)) == done
    office.go("2026-03-03 17:01")
    assert office.muted == {HAND}, "and ends when it was to end"


@pytest.mark.filterwarnings("ignore:Dimension 'trigger'")  # two invocations in one process
def test_cancelled_while_a_look_works_at_it(office: Office) -> None:
    crowd(office, range(1000, 1400))
    job = create(office, {"all": True})
    post = office.stack.transport.post
    first, done = iter([True]), list[int]()

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        if b"im.chat.mute" in args[1] and next(first, False):  # batches are sent by several threads
            done.append(office.call("DELETE", f"jobs/{job}").status)
        return post(*args, **kwargs)

    office.stack.transport.post = meanwhile  # type: ignore[method-assign]
    office.go("2026-03-03 12:10")
    assert done == [204]
    assert show(office, job)["state"] == "cancelled"
    assert len(office.portal.calls_of("im.chat.mute")) <= 200, "no more than what was on its way"
    nothing_is_left(office)


def test_cancelling_what_has_ended_changes_nothing(office: Office) -> None:
    job = create(office)
    office.go("2026-03-03 12:01")
    before = show(office, job)
    for _ in range(2):
        assert office.call("DELETE", f"jobs/{job}").status == 204
    assert show(office, job) == before
    nothing_is_left(office)
    other = create(office)
    for _ in range(2):
        assert office.call("DELETE", f"jobs/{other}").status == 204
    nothing_is_left(office)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("job", ["x", "0" * 16, "\u00e9", "#", "a" * 300])
def test_a_job_that_is_not_there(office: Office, method: str, job: str) -> None:
    assert office.refused(method, f"jobs/{job}") == (404, "NOT_FOUND", "There is no such job.")


def test_a_job_is_its_accounts(office: Office) -> None:
    office.add_account("other")
    job = create(office)
    for method in ("GET", "DELETE"):
        answer = office.call(method, f"jobs/{job}", account="other")
        assert (answer.status, answer.body["error"]) == (404, "NOT_FOUND")


# ---- what is stored -------------------------------------------------------------------------------------------------


def test_what_is_stored_of_a_job_goes_by_itself_after_seven_days(office: Office) -> None:
    job = create(office, crowd(office, range(1000, 1250)))
    expiry = str(int(at("2026-03-10 12:00").timestamp()))

    def kept() -> dict[str, Any]:
        items = [item for item in office.stack.dynamodb.items(STATE) if job in json.dumps(item)]
        return {item["sk"]["S"].partition("#")[0]: item["expires"]["N"] for item in items}

    assert kept() == {"job": expiry, "open": expiry}
    office.go("2026-03-03 12:05")
    assert kept() == {"job": expiry, "result": expiry}
