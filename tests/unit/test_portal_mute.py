"""`im.chat.mute` as the portal does it: the order of its checks, its truth table, its traps, its side effects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.portal import Portal, PushEvent, Quirks, Request, dispatch
from tests.unit.portal_calls import ANN, BOB, EVE, call, new_portal, refusal, result


@pytest.fixture
def portal() -> Portal:
    return new_portal()


MUTES: list[Any] = ["Y", "n", " N", "false", "0", "", False, 0, 1, None]
UNMUTES: list[Any] = ["N", True]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(("sent", "muted"), [(v, True) for v in MUTES] + [(v, False) for v in UNMUTES])
def test_truth_table(portal: Portal, sent: Any, *, muted: bool, before: bool) -> None:
    portal.set_mute(ANN, 1489, muted=before)
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489, "MUTE": sent}) is True
    assert portal.is_muted(ANN, 1489) is muted


def test_without_mute_it_mutes(portal: Portal) -> None:
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True
    assert portal.is_muted(ANN, 1489)


@pytest.mark.parametrize(
    ("params", "muted"),
    [
        ({"MUTE": "Y", "ACTION": "N"}, False),
        ({"MUTE": "N", "ACTION": "Y"}, True),
        ({"MUTE": "N", "ACTION": None}, False),
        ({"MUTE": "N", "ACTION": ""}, True),
    ],
)
def test_action_overrides_mute(portal: Portal, params: dict[str, Any], *, muted: bool) -> None:
    portal.set_mute(ANN, 1489, muted=not muted)
    result(portal, "im.chat.mute", {"CHAT_ID": 1489, **params})
    assert portal.is_muted(ANN, 1489) is muted


def test_only_the_caller_is_muted(portal: Portal) -> None:
    result(portal, "im.chat.mute", {"CHAT_ID": 1489})
    assert portal.muted_chats(ANN) == {1489}
    assert portal.muted_chats(BOB) == set()


def test_names_are_case_insensitive(portal: Portal) -> None:
    assert result(portal, "IM.Chat.Mute.json", {"chat_id": 1489, "Mute": "Y"}) is True
    assert portal.is_muted(ANN, 1489)
    assert [entry.method for entry in portal.calls] == ["im.chat.mute"]


@pytest.mark.parametrize(("sent", "chat_id"), [("1489abc", 1489), (True, 1), ([7], 1), ("1e3", 1000), ("1489.9", 1489)])
def test_intval_traps_mute_a_wrong_chat(portal: Portal, sent: Any, chat_id: int) -> None:
    portal.add_chat(1, members=(ANN,))
    portal.add_chat(1000, members=(ANN,))
    result(portal, "im.chat.mute", {"CHAT_ID": sent})
    assert portal.muted_chats(ANN) == {chat_id}


@pytest.mark.parametrize("params", [{}, {"CHAT_ID": 0}, {"CHAT_ID": -5}, {"CHAT_ID": "chat1489"}, {"CHAT_ID": None}])
def test_chat_id_empty(portal: Portal, params: dict[str, Any]) -> None:
    assert call(portal, "im.chat.mute", params) == {
        "error": "CHAT_ID_EMPTY",
        "error_description": "Chat ID can't be empty",
    }
    assert refusal(portal, "im.chat.mute", params) == (400, "CHAT_ID_EMPTY")


@pytest.mark.parametrize("dialog_id", ["", "x", "chat", "chat 1489", "1489x", "-1", [], [7], {"a": 1}, False, "chatX"])
def test_dialog_id_empty_even_with_a_good_chat_id(portal: Portal, dialog_id: Any) -> None:
    params = {"CHAT_ID": 1489, "DIALOG_ID": dialog_id}
    assert refusal(portal, "im.chat.mute", params) == (400, "DIALOG_ID_EMPTY")
    assert portal.muted_chats(ANN) == set()


def test_dialog_id_replaces_chat_id_and_null_does_not(portal: Portal) -> None:
    result(portal, "im.chat.mute", {"CHAT_ID": 1489, "DIALOG_ID": "CHAT1502"})
    assert portal.muted_chats(ANN) == {1502}
    result(portal, "im.chat.mute", {"CHAT_ID": 1489, "DIALOG_ID": None})
    assert portal.muted_chats(ANN) == {1489, 1502}


def test_workgroups_are_found_by_sg(portal: Portal) -> None:
    chat = portal.add_workgroup(7, members=(ANN,))
    result(portal, "im.chat.mute", {"DIALOG_ID": "sg7"})
    assert portal.muted_chats(ANN) == {chat.id}


@pytest.mark.parametrize("dialog_id", ["sg8", "crm5", "chat0", "0", 99999])
def test_what_does_not_resolve_is_chat_id_empty(portal: Portal, dialog_id: Any) -> None:
    params = {"CHAT_ID": 1489, "DIALOG_ID": dialog_id}
    assert refusal(portal, "im.chat.mute", params) == (400, "CHAT_ID_EMPTY")


def test_a_bare_number_is_a_user(portal: Portal) -> None:
    dialog = portal.add_private(ANN, BOB)
    result(portal, "im.chat.mute", {"DIALOG_ID": BOB})
    assert portal.muted_chats(ANN) == {dialog.id}
    assert portal.muted_chats(BOB) == set()


def test_muting_a_stranger_creates_a_private_chat(portal: Portal) -> None:
    assert portal.private_chat(ANN, EVE) is None
    result(portal, "im.chat.mute", {"DIALOG_ID": str(EVE)})
    created = portal.private_chat(ANN, EVE)
    assert created is not None
    assert portal.muted_chats(ANN) == {created.id}
    assert result(portal, "im.recent.list")["items"] != []
    assert created.id not in {item["chat_id"] for item in result(portal, "im.recent.list")["items"]}


def test_creating_a_private_chat_can_be_switched_off(portal: Portal) -> None:
    portal.quirks.creates_private_chat = False
    assert refusal(portal, "im.chat.mute", {"DIALOG_ID": EVE}) == (400, "CHAT_ID_EMPTY")
    assert portal.private_chat(ANN, EVE) is None


def test_ones_own_id_is_the_notes(portal: Portal) -> None:
    result(portal, "im.chat.mute", {"DIALOG_ID": ANN})
    notes = portal.private_chat(ANN, ANN)
    assert notes is not None
    assert portal.muted_chats(ANN) == {notes.id}


@pytest.mark.parametrize(
    "case", ["stranger", "missing", "lines", "call", "support24Question", "networkDialog", "fixed"]
)
def test_access_error(portal: Portal, case: str) -> None:
    chat_id = 4040
    if case == "stranger":
        portal.add_chat(chat_id, members=(BOB,))
    elif case == "fixed":
        portal.add_chat(chat_id, members=(ANN,), mutable=False)
    elif case != "missing":
        portal.add_chat(chat_id, members=(ANN,), type=case)
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": chat_id}) == (403, "ACCESS_ERROR")
    assert portal.muted_chats(ANN) == set()


def test_result_false_where_no_relation_is_checked(portal: Portal) -> None:
    portal.quirks.non_member = "false"
    portal.add_chat(4040, members=(BOB,))
    portal.add_chat(4041, members=(ANN,), type="lines")
    assert result(portal, "im.chat.mute", {"CHAT_ID": 4040}) is False
    assert result(portal, "im.chat.mute", {"CHAT_ID": 4042}) is False
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 4041}) == (403, "ACCESS_ERROR")


def test_idempotent_and_events_for_real_changes_only(portal: Portal) -> None:
    for _ in range(3):
        assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True
    portal.mute_by_hand(ANN, 1489)
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489, "MUTE": "N"}) is True
    portal.mute_by_hand(ANN, 1502)
    assert portal.events == [
        PushEvent("chatMuteNotify", ANN, 1489, muted=True),
        PushEvent("chatMuteNotify", ANN, 1489, muted=False),
        PushEvent("chatMuteNotify", ANN, 1502, muted=True),
    ]


def test_leaving_forgets_the_mute(portal: Portal) -> None:
    portal.mute_by_hand(ANN, 1489)
    portal.leave(ANN, 1489)
    assert refusal(portal, "im.chat.mute", {"CHAT_ID": 1489}) == (403, "ACCESS_ERROR")
    portal.join(ANN, 1489)
    assert not portal.is_muted(ANN, 1489)
    with pytest.raises(LookupError):
        portal.mute_by_hand(EVE, 1489)


def test_older_builds() -> None:
    older = new_portal(quirks=Quirks(build="older"))
    assert refusal(older, "im.chat.mute", {"DIALOG_ID": BOB}) == (400, "DIALOG_ID_EMPTY")
    assert result(older, "im.chat.mute", {"DIALOG_ID": "chat1489"}) is True
    oldest = new_portal(quirks=Quirks(build="oldest"))
    assert refusal(oldest, "im.chat.mute", {"DIALOG_ID": "chat1489"}) == (400, "CHAT_ID_EMPTY")
    result(oldest, "im.chat.mute", {"CHAT_ID": 1489, "MUTE": "N"})
    assert oldest.is_muted(ANN, 1489)
    result(oldest, "im.chat.mute", {"CHAT_ID": 1489, "ACTION": "N"})
    assert not oldest.is_muted(ANN, 1489)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"CHAT_ID": 1489'),
        ("application/json", b"\xef\xbb\xbf{}"),
        ("application/json", b'{"CHAT_ID": 1489, "MUTE": NaN}'),
        ("application/json", b"[" * 200_000),
        ("application/json", b'"CHAT_ID"'),
        ("", b'{"CHAT_ID": 1489}'),
        ("text/plain", b'{"CHAT_ID": 1489}'),
        ("text/plain", b"CHAT_ID=1489"),
        ("", b"CHAT_ID=1489"),
        ("application/x-www-form-urlencoded", b'{"CHAT_ID": 1489}'),
    ],
)
def test_a_body_php_can_not_read_is_no_parameters(portal: Portal, content_type: str, body: bytes) -> None:
    path = f"/rest/{ANN}/{portal.webhook_of(ANN).code}/im.chat.mute"
    answer = dispatch(portal, Request("POST", path, "", {"content-type": content_type}, body))
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "CHAT_ID_EMPTY")


def test_body_over_query(portal: Portal) -> None:
    path = f"/rest/{ANN}/{portal.webhook_of(ANN).code}/im.chat.mute"
    headers = {"content-type": "application/json; charset=utf-8"}
    dispatch(portal, Request("POST", path, "CHAT_ID=1489&MUTE=Y", headers, b'{"CHAT_ID": 1502}'))
    assert portal.muted_chats(ANN) == {1502}


def test_the_answer_has_the_documented_envelope(portal: Portal) -> None:
    answer = call(portal, "im.chat.mute", {"CHAT_ID": 1489})
    assert list(answer) == ["result", "time"]
    assert set(answer["time"]) == {
        "start", "finish", "duration", "processing", "date_start", "date_finish", "operating_reset_at", "operating",
    }  # fmt: skip
