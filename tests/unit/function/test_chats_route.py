"""`GET /{account}/chats/{dialog_id}`: one chat as the contract shows it."""

from typing import Any

import pytest

from local.portal import Fault
from local.virtual import CALLER
from tests.unit.function.office import BEN, GROUP, HAND, LINES, PRIVATE, Office

ME = f"caller:{CALLER}"
KEYS = [
    "dialog_id", "chat_id", "title", "type", "muted", "mutable", "prior_muted", "keep", "holds", "overridden_until",
    "next_change",
]  # fmt: skip


def test_an_audible_chat_that_nobody_holds(office: Office) -> None:
    shown = office.chat(1)
    assert list(shown) == KEYS
    assert shown == {
        "dialog_id": "chat1", "chat_id": 1, "title": "Deal 1", "type": "chat", "muted": False, "mutable": True,
        "prior_muted": None, "keep": False, "holds": [], "overridden_until": None, "next_change": None,
    }  # fmt: skip


def test_a_chat_muted_by_hand_stays_so(office: Office) -> None:
    office.put("night")
    shown = office.chat(HAND)
    assert (shown["muted"], shown["holds"], shown["next_change"]) == (True, [], None)


@pytest.mark.parametrize(
    ("name", "chat_id", "dialog_id", "kind"),
    [
        ("chat1", 1, "chat1", "chat"),
        ("CHAT1", 1, "chat1", "chat"),
        (str(BEN), PRIVATE, str(BEN), "private"),
        (f"chat{PRIVATE}", PRIVATE, str(BEN), "private"),
        ("sg7", GROUP, f"chat{GROUP}", "sonetGroup"),
        ("SG7", GROUP, f"chat{GROUP}", "sonetGroup"),
        (f"chat{GROUP}", GROUP, f"chat{GROUP}", "sonetGroup"),
    ],
)
def test_a_chat_is_found_by_each_form_of_its_id(
    office: Office, name: str, chat_id: int, dialog_id: str, kind: str
) -> None:
    office.mute(name.lower(), FOR="PT1H")
    shown = office.chat(name)
    assert (shown["chat_id"], shown["dialog_id"], shown["type"]) == (chat_id, dialog_id, kind)
    assert [hold["owner"] for hold in shown["holds"]] == [ME]


def test_a_chat_that_cannot_be_muted_says_so(office: Office) -> None:
    office.put("night", "11:00-13:00")
    shown = office.chat(LINES)
    assert (shown["mutable"], shown["type"], shown["next_change"]) == (False, "lines", None)


@pytest.mark.parametrize(
    "name", ["0", "042", "chat", "chat0", "x", "chat1.0", "lines1", "chat1 ", "%20", "\u0441hat1", "-1", "9" * 20]
)
def test_what_is_no_dialog_id_is_refused_without_asking_the_portal(office: Office, name: str) -> None:
    with office.cost() as cost:
        refused = office.refused("GET", f"chats/{name}")
    assert refused[:2] == (400, "DIALOG_ID_EMPTY")
    assert cost.portal == []


@pytest.mark.parametrize("name", ["chat6", "chat4711", "crm5"])
def test_a_chat_the_user_is_not_in_is_refused(office: Office, name: str) -> None:
    office.portal.add_chat(6, members=[BEN])
    status, code, _ = office.refused("GET", f"chats/{name}")
    assert (status, code) in {(403, "ACCESS_ERROR"), (400, "DIALOG_ID_EMPTY")}
    if name == "chat6":
        assert (status, code) == (403, "ACCESS_ERROR")


def test_all_holds_with_their_reasons_and_what_comes_next(office: Office) -> None:
    office.put("night", "11:00-14:00")
    office.put("long", "11:30-13:30", chats={"only": ["chat1"]})
    office.go("2026-03-03 12:01")
    office.mute(1, FOR="PT1H", REASON="audit")
    shown = office.chat(1)
    assert list(shown) == KEYS
    assert shown["muted"] is True
    assert shown["prior_muted"] is False
    assert shown["holds"] == [
        {"owner": ME, "until": "2026-03-03T13:01:00Z", "reason": "audit"},
        {"owner": "policy:long", "until": "2026-03-03T13:30:00Z", "reason": None},
        {"owner": "policy:night", "until": "2026-03-03T14:00:00Z", "reason": None},
    ]
    assert shown["next_change"] == {"at": "2026-03-03T14:00:00Z", "muted": False}


def test_the_next_change_of_an_audible_chat_is_its_next_window(office: Office) -> None:
    office.put("night", "22:00-07:00")
    office.put("evening", "20:00-21:00", chats={"only": ["chat3"]})
    assert office.chat(1)["next_change"] == {"at": "2026-03-03T22:00:00Z", "muted": True}
    assert office.chat(3)["next_change"] == {"at": "2026-03-03T20:00:00Z", "muted": True}
    assert office.chat(GROUP)["next_change"] is None, "workgroups are not meant by all"


def test_a_hold_that_runs_into_a_window_changes_at_the_windows_end(office: Office) -> None:
    office.put("night", "12:30-14:00")
    office.mute(1, FOR="PT1H")
    assert office.chat(1)["next_change"] == {"at": "2026-03-03T14:00:00Z", "muted": False}


def test_people_who_unmute_override_the_window_until_it_ends(office: Office) -> None:
    office.put("night", "11:00-14:00")
    office.go("2026-03-03 12:01")
    office.mute(1, MUTE="N")
    shown = office.chat(1)
    assert (shown["muted"], shown["holds"]) == (False, [])
    assert shown["overridden_until"] == "2026-03-03T14:00:00Z"
    assert shown["next_change"] == {"at": "2026-03-04T11:00:00Z", "muted": True}


def test_a_mute_for_good_inside_a_window_is_kept(office: Office) -> None:
    office.put("night", "11:00-14:00")
    office.go("2026-03-03 12:01")
    office.mute(1)
    shown = office.chat(1)
    assert (shown["keep"], shown["prior_muted"], shown["next_change"]) == (True, False, None)


def test_a_policy_without_an_end_in_sight_has_no_until(office: Office) -> None:
    office.put("always", "00:00-24:00")
    office.go("2026-03-03 12:01")
    shown = office.chat(1)
    assert shown["holds"] == [{"owner": "policy:always", "until": None, "reason": None}]
    assert shown["next_change"] is None


def test_a_portal_that_does_not_tell_leaves_muted_open(office: Office) -> None:
    chat: Any = {"chat_id": 1, "dialog_id": "chat1", "name": "Deal 1", "type": "chat"}
    office.portal.faults.add(Fault.result(chat), method="im.dialog.get", in_batch=True)
    assert office.chat(1)["muted"] is None


def test_a_lookup_changes_nothing(office: Office) -> None:
    office.put("night", "11:00-14:00")
    with office.cost() as cost:
        office.chat(1)
    assert (cost.writes, cost.portal) == (0, ["batch"])
    assert 1 not in office.muted


@pytest.mark.parametrize(
    ("method", "path", "code", "field"),
    [
        ("GET", "chats/chat1?x=1", "INVALID_PARAMETER", "x: "),
        ("POST", "chats/chat1", "METHOD_NOT_ALLOWED", "This route takes GET"),
        ("GET", "chats", "NOT_FOUND", ""),
        ("GET", "chats/", "NOT_FOUND", ""),
        ("GET", "chats/chat1/x", "NOT_FOUND", ""),
    ],
)
def test_other_requests_are_refused(office: Office, method: str, path: str, code: str, field: str) -> None:
    refused = office.refused(method, path)
    assert refused[1] == code
    assert refused[2].startswith(field)


def test_the_portal_in_trouble_is_told(office: Office) -> None:
    office.portal.faults.add(Fault.html(502), times=None)
    assert office.refused("GET", "chats/chat1")[:2] == (502, "INTERNAL_SERVER_ERROR")


def test_a_webhook_that_acts_for_somebody_else_is_told(office: Office) -> None:
    office.portal.change_webhook_owner(503, BEN)
    assert office.refused("GET", "chats/chat1")[:2] == (502, "USER_CHANGED")
