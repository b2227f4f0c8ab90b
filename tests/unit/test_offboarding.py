"""An account leaves: its chats become what they were before, then nothing of it is stored any more."""

import json
from typing import Any

import pytest

from chat_mute.errors import InvalidParameter
from local.portal import Fault
from local.virtual import STATE
from tests.unit.function.office import ANN, BEN, HAND, HOST, Office, at

NIGHT = {1, 2, 3, 4, 5, 50}


@pytest.fixture
def office() -> Office:
    """In the middle of a window, with a caller's mute, a lasting one and a job beside it."""
    office = Office(at("2026-03-03 21:00"))
    office.put("night", "22:00-07:00")
    office.mute(1, FOR="PT20H")
    office.go("2026-03-03 22:00")
    office.mute(3)
    assert office.muted == NIGHT
    return office


def leave(office: Office) -> Any:
    return office.invoke({"offboard": "default"})


def stored(office: Office, account: str = "default") -> list[str]:
    return [item["sk"]["S"] for item in office.stack.dynamodb.items(STATE) if item["pk"]["S"] == f"account#{account}"]


def test_it_lets_go_at_the_next_look_and_then_nothing_is_left(office: Office) -> None:
    job = office.ok("POST", "mutes", {"chats": ["chat4"], "for": "PT1H"})["job"]
    assert leave(office) == {"done": False, "held": len(NIGHT), "secret": True}
    assert office.ok("GET", f"jobs/{job}")["state"] == "cancelled"
    office.stack.minute()
    assert office.muted == {HAND, 3}, "as at the window's end: muted before, and muted for good meanwhile"
    assert leave(office) == {"done": True, "held": 0, "secret": True}
    assert stored(office) == []
    assert leave(office) == {"done": True, "held": 0, "secret": True}
    assert office.stack.tick() == 0


def test_a_portal_that_is_down_is_waited_for(office: Office) -> None:
    leave(office)
    office.portal.faults.add(Fault.html(502), times=None)
    office.stack.minute()
    assert leave(office)["done"] is False
    assert "account" in stored(office), "it is still looked after"
    office.portal.faults.clear()
    office.go("2026-03-03 22:20")
    assert leave(office)["done"] is True
    assert office.muted == {HAND, 3}


def test_what_others_are_told_of_is_left_alone(office: Office) -> None:
    office.add_account("other", BEN)
    office.call("POST", "im.chat.mute", {"CHAT_ID": 5, "FOR": "PT20H"}, account="other")
    leave(office)
    office.stack.minute()
    leave(office)
    assert office.portal.muted_chats(BEN) == {5}
    assert "hold#5" in stored(office, "other")


def test_a_person_who_unmuted_a_chat_is_not_in_the_way(office: Office) -> None:
    office.mute(4, MUTE="N")
    leave(office)
    office.stack.minute()
    assert leave(office)["done"] is True
    assert office.muted == {HAND, 3}


def test_without_its_secret_it_says_so_and_forgetting_removes_the_rest(office: Office) -> None:
    office.stack.secrets.delete_secret(SecretId="quiet-hours/default", ForceDeleteWithoutRecovery=True)
    office.stack.new_process()
    assert leave(office) == {"done": False, "held": len(NIGHT), "secret": False}
    office.stack.minute()
    assert leave(office)["held"] == len(NIGHT), "nobody can tell the portal"
    assert office.invoke({"forget": "default", "portal": HOST, "user_id": BEN}) == {"forgotten": 0}
    assert "account" in stored(office)
    forgotten = office.invoke({"forget": "default", "portal": HOST, "user_id": ANN})
    assert forgotten == {"forgotten": len(NIGHT), "removed": True}
    assert stored(office) == []
    assert office.stack.tick() == 0


def test_forgetting_with_the_secret_in_place_removes_the_records_only(office: Office) -> None:
    assert office.invoke({"forget": "default", "portal": HOST, "user_id": ANN}) == {"forgotten": len(NIGHT)}
    assert "policy#night" in stored(office)


def test_cut_off_while_it_removes_it_is_finished_by_the_next_call(office: Office, monkeypatch: Any) -> None:
    leave(office)
    office.stack.minute()
    left = [1]
    delete = office.stack.dynamodb.delete_item

    def breaking(**request: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("killed")
        return delete(**request)

    monkeypatch.setattr(office.stack.dynamodb, "delete_item", breaking)
    with pytest.raises(RuntimeError):
        leave(office)
    monkeypatch.undo()
    assert leave(office)["done"] is True
    assert stored(office) == []


@pytest.mark.parametrize("payload", [{"offboard": None}, {"offboard": 7}, {"offboard": "default", "now": True}])
def test_an_order_that_is_not_clear_is_refused(office: Office, payload: Any) -> None:
    with pytest.raises(InvalidParameter):
        office.invoke(payload)
    assert "policy#night" in stored(office)


def test_nothing_secret_is_answered(office: Office) -> None:
    assert "c0de5ecret" not in json.dumps([leave(office), office.invoke({"check": "default"})])
