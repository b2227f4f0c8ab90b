"""The kill switch: nothing is muted any more, everything held is let go of, and afterwards quiet hours go on."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from chat_mute.errors import InvalidParameter
from local.portal import Fault
from local.virtual import STATE
from tests.unit.function.office import ANN, BEN, HAND, Office, at

MINUTE = timedelta(minutes=1)
NIGHT = {1, 2, 3, 4, 5, 50}


@pytest.fixture
def office() -> Iterator[Office]:
    office = Office(at("2026-03-03 21:00"))
    office.put("night", "22:00-07:00")
    yield office
    for answer in office.answers:
        assert "Traceback" not in str(answer)


def switch(office: Office, mode: str) -> None:
    """A deployment with another ``Mode``."""
    office.stack.environment["MODE"] = mode
    office.stack.new_process()


def release_all(office: Office) -> int:
    answer = office.invoke({"release_all": True})
    assert answer["next"] is None
    office.stack.minute()
    accounts: int = answer["accounts"]
    return accounts


def held(office: Office) -> list[str]:
    """What is recorded as muted by us."""
    items = office.stack.dynamodb.items(STATE)
    documents = [json.loads(item["document"]["S"]) for item in items if item["sk"]["S"].startswith("hold#")]
    return [document["state"] for document in documents if document["state"] != "overridden"]


# ---- letting go -----------------------------------------------------------------------------------------------------


def test_in_a_window_everything_becomes_what_it_was_before(office: Office) -> None:
    office.go("2026-03-03 22:00")
    assert office.muted == NIGHT
    switch(office, "RELEASE_ONLY")
    assert release_all(office) == 1
    assert office.muted == {HAND}, "what was muted before stays"
    assert held(office) == []
    office.go("2026-03-04 21:30")
    assert office.muted == {HAND}


def test_callers_and_schedules_let_go_too_hours_before_their_time(office: Office) -> None:
    office.mute(1, FOR="PT8H")
    run = {"schedule": "arn:aws:scheduler:eu-west-1:1:schedule/default/x", "at": "2026-03-03T21:00:00Z"}
    office.invoke({"CHAT_ID": 3, "FOR": "PT8H", **run})
    switch(office, "RELEASE_ONLY")
    release_all(office)
    assert (office.muted, held(office)) == ({HAND}, [])


def test_without_the_operators_order_a_running_window_is_let_go_of_within_a_quarter_of_an_hour(office: Office) -> None:
    office.go("2026-03-03 22:00")
    switch(office, "RELEASE_ONLY")
    office.go("2026-03-03 22:16")
    assert office.muted == {HAND}


def test_what_a_person_wanted_muted_for_good_stays_muted(office: Office) -> None:
    office.go("2026-03-03 22:00")
    assert office.mute(3).status == 200
    switch(office, "RELEASE_ONLY")
    release_all(office)
    assert office.muted == {HAND, 3}


def test_a_lasting_mute_that_was_cut_off_is_not_done_now(office: Office) -> None:
    office.go("2026-03-03 22:00")
    office.portal.set_mute(ANN, 3, muted=False)
    office.portal.faults.add(Fault.reset_before_effect(), method="im.chat.mute", times=None)
    assert office.mute(3).status == 502
    office.portal.faults.clear()
    switch(office, "RELEASE_ONLY")
    asked = len(office.portal.calls_of("im.chat.mute"))
    release_all(office)
    told = office.portal.calls_of("im.chat.mute")[asked:]
    assert {call.params["MUTE"] for call in told} == {"N"}
    assert (office.muted, held(office)) == ({HAND}, [])


def test_a_release_the_portal_refuses_for_now_is_tried_until_it_succeeds(office: Office) -> None:
    office.go("2026-03-03 22:00")
    switch(office, "RELEASE_ONLY")
    office.portal.faults.add(Fault.html(502), times=None)
    release_all(office)
    assert office.muted == NIGHT
    office.portal.faults.clear()
    office.go("2026-03-03 22:20")
    assert (office.muted, held(office)) == ({HAND}, [])


def test_nothing_is_muted_while_it_lasts(office: Office) -> None:
    switch(office, "RELEASE_ONLY")
    office.go("2026-03-04 08:00")
    assert office.portal.calls_of("im.chat.mute") == []
    assert office.muted == {HAND}


# ---- going on afterwards --------------------------------------------------------------------------------------------


def test_back_to_normal_the_same_window_wants_again_what_it_wanted(office: Office) -> None:
    office.go("2026-03-03 22:00")
    switch(office, "RELEASE_ONLY")
    release_all(office)
    switch(office, "NORMAL")
    office.go("2026-03-03 22:30")
    assert office.muted == NIGHT, "a release by the switch is nobody's unmute"
    office.go("2026-03-04 07:00")
    assert office.muted == {HAND}


@pytest.mark.parametrize(
    "unmute",
    [
        lambda office: office.mute(3, MUTE="N"),
        lambda office: office.portal.set_mute(ANN, 3, muted=False),
    ],
    ids=["through us", "in Bitrix24"],
)
def test_what_a_person_wanted_audible_stays_so_after_the_switch_is_back(
    office: Office, unmute: Callable[[Office], Any]
) -> None:
    office.go("2026-03-03 22:00")
    unmute(office)
    switch(office, "RELEASE_ONLY")
    release_all(office)
    assert office.muted == {HAND}
    switch(office, "NORMAL")
    office.go("2026-03-03 22:30")
    assert office.muted == NIGHT - {3}
    office.go("2026-03-04 22:00")
    assert office.muted == NIGHT, "the next window is another one"


# ---- refusing -------------------------------------------------------------------------------------------------------


def test_mutes_are_refused_with_the_reason_and_unmutes_and_policies_are_not(office: Office) -> None:
    switch(office, "RELEASE_ONLY")
    for path, body in (
        ("im.chat.mute", {"CHAT_ID": 1}),
        ("im.chat.mute", {"CHAT_ID": 1, "FOR": "PT1H"}),
        ("mutes", {"chats": ["chat1"]}),
    ):
        status, code, why = office.refused("POST", path, body)
        assert (status, code) == (503, "RELEASE_ONLY")
        assert "only unmuted" in why
        assert office.answers[-1].headers["Retry-After"] == "300"
    assert office.portal.calls_of("im.chat.mute") == []
    assert office.mute(HAND, MUTE="N").status == 200
    office.ok("POST", "mutes", {"chats": ["chat1"], "mute": "N"})
    office.put("other", "23:00-06:00")
    office.ok("GET", "quiet-hours/night/preview")
    office.ok("DELETE", "quiet-hours/other")
    assert office.ok("GET", "")["usable"]


def test_a_schedules_mute_is_refused_once_without_a_letter_or_a_retry_and_comes_again(office: Office) -> None:
    run = {"schedule": "arn:aws:scheduler:eu-west-1:1:schedule/default/x", "at": "2026-03-03T21:00:00Z"}
    switch(office, "RELEASE_ONLY")
    assert office.invoke({"CHAT_ID": 1, "MUTE": "Y", **run})["error"] == "RELEASE_ONLY"
    assert office.letters() == []
    assert office.invoke({"CHAT_ID": HAND, "MUTE": "N"})["result"] is True
    switch(office, "NORMAL")
    assert office.invoke({"CHAT_ID": 1, "MUTE": "Y", **run})["result"] is True, "the refusal was not kept as its result"


@pytest.mark.parametrize("chats", [["chat1", "chat3"], {"all": True}])
def test_a_job_that_mutes_ends_with_the_reason_and_one_that_unmutes_goes_on(office: Office, chats: Any) -> None:
    muting = office.ok("POST", "mutes", {"chats": chats})["job"]
    unmuting = office.ok("POST", "mutes", {"chats": [f"chat{HAND}"], "mute": "N"})["job"]
    switch(office, "RELEASE_ONLY")
    release_all(office)
    ended = office.ok("GET", f"jobs/{muting}")
    assert ended["state"] == "done"
    assert ended["finished_at"] is not None
    assert {one["error"] for one in ended["outcomes"]} <= {"RELEASE_ONLY"}
    assert len(ended["outcomes"]) == (len(chats) if isinstance(chats, list) else 0)
    assert office.ok("GET", f"jobs/{unmuting}")["counts"] == {"total": 1, "done": 1, "failed": 0}
    assert office.muted == set()


# ---- every account --------------------------------------------------------------------------------------------------


def test_every_account_with_holds_is_due_at_once_and_no_other_is_touched() -> None:
    office = Office(at("2026-03-03 12:00"))
    office.portal.add_user(600)
    for number, account in enumerate(("a", "b", "idle"), 1):
        office.portal.add_chat(100 + number, members=[600], title=f"Chat {number}")
        office.add_account(account, 600)
    for account, chat in (("a", 101), ("b", 102)):
        answer = office.call("POST", "im.chat.mute", {"CHAT_ID": chat, "FOR": "PT9H"}, account=account)
        assert answer.status == 200
    office.call("PUT", "quiet-hours/night", _night(), account="idle")
    office.stack.minute()
    switch(office, "RELEASE_ONLY")
    assert office.invoke({"release_all": True}) == {"accounts": 2, "next": None}
    assert office.stack.tick() == 2
    office.stack.work()
    assert office.portal.muted_chats(600) == set()


def test_a_pass_that_runs_out_of_time_says_where_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_mute.releasing._CHUNK", 2)
    monkeypatch.setattr("chat_mute.operator._SPARE_SECONDS", 10_000)
    office = Office(at("2026-03-03 12:00"))
    for number in range(5):
        office.add_account(f"a{number}", BEN)
        answer = office.call("POST", "im.chat.mute", {"CHAT_ID": number + 1, "FOR": "PT9H"}, account=f"a{number}")
        assert answer.status == 200
    office.stack.minute()
    switch(office, "RELEASE_ONLY")
    passes: list[int] = []
    place = None
    while not passes or place is not None:
        answer = office.invoke({"release_all": True, **({"next": place} if place else {})})
        passes.append(answer["accounts"])
        place = answer["next"]
    assert (sum(passes), len(passes) > 2) == (5, True)
    assert office.stack.tick() == 5


def _night() -> dict[str, Any]:
    return {"timezone": "UTC", "windows": [], "dates": {"2026-03-03": [{"start": "22:00", "end": "23:00"}]},
            "chats": {"all": True}}  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"release_all": "yes"}, "must be true"),
        ({"release_all": True, "next": "elsewhere"}, "next"),
        ({"release_all": True, "next": 7}, "next"),
        ({"release_all": True, "account": "default"}, "unknown field"),
    ],
)
def test_an_order_that_is_not_clear_is_refused(office: Office, payload: Any, why: str) -> None:
    switch(office, "RELEASE_ONLY")
    with pytest.raises(InvalidParameter, match=why):
        office.invoke(payload)


def test_in_normal_mode_the_order_is_refused_for_windows_would_mute_again(office: Office) -> None:
    with pytest.raises(InvalidParameter, match="Mode=RELEASE_ONLY"):
        office.invoke({"release_all": True})


def test_an_account_is_checked_as_the_api_does(office: Office) -> None:
    assert office.invoke({"check": "default"}) == office.ok("GET", "")
    assert office.invoke({"check": "nobody"}) == {"account": "nobody", "usable": False, "error": "ACCOUNT_NOT_FOUND"}
