"""`/{account}/holds`: everything that is kept muted, in pages; and letting go of all of it."""

import pytest

from chat_mute.errors import RequestError
from local.portal import Fault
from local.virtual import CALLER
from tests.conftest import WEBHOOK_MARK
from tests.unit.function.office import ANN, BEN, HAND, HOST, PRIVATE, Office

ME = f"caller:{CALLER}"


def test_nothing_held(office: Office) -> None:
    assert office.ok("GET", "holds") == {"holds": [], "next": None}
    answer = office.call("DELETE", "holds")
    assert (answer.status, answer.body) == (202, {"releasing": 0})
    assert office.due() is None, "nothing to look for"


def test_a_hold_as_the_contract_shows_it(office: Office) -> None:
    office.put("night", "11:00-14:00", chats={"only": ["chat1", "chat2", str(BEN)]})
    office.go("2026-03-03 12:01")
    office.mute(1, FOR="PT1H")
    found = office.ok("GET", "holds")
    assert list(found) == ["holds", "next"]
    assert sorted(found["holds"], key=lambda hold: hold["chat_id"]) == [
        {"chat_id": 1, "dialog_id": "chat1", "owners": [ME, "policy:night"], "prior_muted": False, "state": "held"},
        {"chat_id": HAND, "dialog_id": "chat2", "owners": ["policy:night"], "prior_muted": True, "state": "held"},
        {"chat_id": PRIVATE, "dialog_id": str(BEN), "owners": ["policy:night"], "prior_muted": False, "state": "held"},
    ]
    assert list(found["holds"][0]) == ["chat_id", "dialog_id", "owners", "prior_muted", "state"]


def test_states_that_are_not_confirmed_are_told(office: Office) -> None:
    office.portal.faults.add(Fault.reset_before_effect(), method="im.chat.mute", times=None)
    office.mute(1, FOR="PT1H")
    assert [hold["state"] for hold in office.ok("GET", "holds")["holds"]] == ["muting"]
    office.portal.faults.clear()
    office.go("2026-03-03 12:02")
    office.ok("DELETE", "holds")
    assert [hold["state"] for hold in office.ok("GET", "holds")["holds"]] == ["releasing"]


def test_a_chat_that_people_want_audible_is_not_listed(office: Office) -> None:
    office.put("night", "11:00-14:00", chats={"only": ["chat1", "chat3"]})
    office.go("2026-03-03 12:01")
    office.mute(1, MUTE="N")
    assert [hold["chat_id"] for hold in office.ok("GET", "holds")["holds"]] == [3]
    assert office.ok("DELETE", "holds") == {"releasing": 1}


def test_more_than_a_hundred_come_in_pages(office: Office) -> None:
    for chat_id in range(1000, 1245):
        office.portal.add_chat(chat_id, members=[ANN])
    office.put("night", "11:00-14:00")
    office.go("2026-03-03 12:01")
    seen: list[int] = []
    sizes = []
    following = ""
    while following is not None:
        page = office.ok("GET", f"holds{following and f'?next={following}'}")
        sizes.append(len(page["holds"]))
        seen += [hold["chat_id"] for hold in page["holds"]]
        following = page["next"]
    assert sizes == [100, 100, 51]
    assert len(seen) == len(set(seen)) == 251
    assert set(seen) == office.muted, "each once, those muted by hand before included"
    assert office.ok("DELETE", "holds") == {"releasing": 251}
    office.go("2026-03-03 12:05")
    assert office.muted == set()
    assert office.ok("GET", "holds")["holds"] == [], "overridden ones are not listed"


@pytest.mark.parametrize("following", ["x", "-1", "1.5", "1" * 20, "\u0661", "hold%231", "chat1", ""])
def test_a_next_that_was_never_told_is_refused(office: Office, following: str) -> None:
    assert office.refused("GET", f"holds?next={following}")[:2] == (400, "INVALID_PARAMETER")


def test_a_next_of_a_hold_that_has_gone_meanwhile_goes_on_after_it(office: Office) -> None:
    for chat_id in (1, 3, 4):
        office.mute(chat_id, FOR="PT1H")
    assert [hold["chat_id"] for hold in office.ok("GET", "holds?next=1")["holds"]] == [3, 4]
    assert [hold["chat_id"] for hold in office.ok("GET", "holds?next=2")["holds"]] == [3, 4]
    assert office.ok("GET", "holds?next=4") == {"holds": [], "next": None}


def test_letting_go_is_an_explicit_unmute_of_each_even_of_those_muted_before(office: Office) -> None:
    office.put("night", "11:00-14:00", chats={"only": ["chat1", "chat2"]})
    office.go("2026-03-03 12:01")
    office.mute(3, FOR="PT5H")
    office.mute(4)  # for good, and no hold of ours
    answer = office.call("DELETE", "holds")
    assert (answer.status, answer.body) == (202, {"releasing": 3})
    assert office.muted == {1, HAND, 3, 4}, "accepted, not done"
    office.go("2026-03-03 12:02")
    assert office.muted == {4}
    office.go("2026-03-03 13:59")
    assert office.muted == {4}, "the window does not mute them again"
    office.go("2026-03-04 11:00")
    assert office.muted == {1, HAND, 4}, "the next one does"


def test_letting_go_twice_is_the_same_as_once(office: Office) -> None:
    office.mute(1, FOR="PT1H")
    assert [office.ok("DELETE", "holds") for _ in range(2)] == [{"releasing": 1}] * 2
    office.go("2026-03-03 12:01")
    assert office.muted == {HAND}
    assert office.ok("DELETE", "holds") == {"releasing": 0}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "holds?limit=5", 400, "INVALID_PARAMETER"),
        ("DELETE", "holds?next=1", 400, "INVALID_PARAMETER"),
        ("POST", "holds", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "holds/1", 404, "NOT_FOUND"),
    ],
)
def test_other_requests_are_refused(office: Office, method: str, path: str, status: int, code: str) -> None:
    assert office.refused(method, path)[:2] == (status, code)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_account_that_is_not_there(office: Office, method: str) -> None:
    answer = office.call(method, "holds", account="nobody")
    assert (answer.status, answer.body["error"]) == (404, "ACCOUNT_NOT_FOUND")


# ---- forgetting -----------------------------------------------------------------------------------------------------


def test_forgetting_ends_one_users_holds_and_tells_the_portal_nothing(office: Office) -> None:
    for chat_id in (1, 3):
        office.mute(chat_id, FOR="PT1H")
    office.add_account("default", BEN)
    office.stack.new_process()
    office.mute(4, FOR="PT1H")
    asked = len(office.portal.calls)
    assert office.invoke({"forget": "default", "portal": HOST, "user_id": ANN}) == {"forgotten": 2}
    assert office.invoke({"forget": "default", "portal": HOST, "user_id": ANN}) == {"forgotten": 0}
    assert office.invoke({"forget": "default", "portal": "other.example", "user_id": BEN}) == {"forgotten": 0}
    assert office.invoke({"forget": "nobody", "portal": HOST, "user_id": BEN}) == {"forgotten": 0, "removed": True}
    assert len(office.portal.calls) == asked
    assert [hold["chat_id"] for hold in office.ok("GET", "holds")["holds"]] == [4]
    assert office.muted == {1, HAND, 3}, "they stay muted: nobody can say otherwise any more"


@pytest.mark.parametrize(
    "payload",
    [
        {"forget": "default"},
        {"forget": "default", "portal": HOST},
        {"forget": "default", "portal": HOST, "user_id": "503"},
        {"forget": "default", "portal": HOST, "user_id": True},
        {"forget": "default", "portal": HOST, "user_id": None},
        {"forget": None, "portal": HOST, "user_id": ANN},
        {"forget": "default", "portal": 7, "user_id": ANN},
        {"forget": "default", "portal": HOST, "user_id": ANN, "why": "x"},
    ],
)
def test_an_order_to_forget_that_is_not_clear_is_raised_and_forgets_nothing(office: Office, payload: object) -> None:
    office.mute(1, FOR="PT1H")
    with pytest.raises(Exception, match="INVALID_PARAMETER"):
        office.invoke(payload)
    assert len(office.ok("GET", "holds")["holds"]) == 1


# ---- a portal with another address ----------------------------------------------------------------------------------


def test_the_holds_of_a_portal_that_has_moved_go_on(office: Office) -> None:
    office.mute(1, FOR="PT1H")
    code = office.portal.add_webhook(ANN, f"{WEBHOOK_MARK}new").code
    office.stack.portals["new.example"] = office.stack.portals.pop(HOST)
    office.stack.put_account("default", {"webhook_url": f"https://new.example/rest/{ANN}/{code}/"})
    office.stack.new_process()
    assert office.invoke({"moved": "default", "portal": "other.example"}) == {"moved": 0}
    assert office.invoke({"moved": "default", "portal": HOST}) == {"moved": 1}
    assert office.invoke({"moved": "default", "portal": HOST}) == {"moved": 0}
    office.go("2026-03-03 13:00")
    assert office.muted == {HAND}


@pytest.mark.parametrize(
    "payload",
    [
        {"moved": "default"},
        {"moved": 7, "portal": HOST},
        {"moved": "default", "portal": HOST, "user_id": ANN},
        {"moved": "nobody", "portal": HOST},
    ],
)
def test_an_order_to_move_that_is_not_clear_is_raised(office: Office, payload: object) -> None:
    with pytest.raises(RequestError):
        office.invoke(payload)
