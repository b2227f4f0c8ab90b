"""The reading methods: shapes of the mute state, paging, what lists leave out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.portal_calls import ANN, BOB, EVE, Clock, call, new_portal, refusal, result

if TYPE_CHECKING:
    from local.portal import Portal


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal(clock: Clock) -> Portal:
    return new_portal(clock=clock)


def ids(answer: Any) -> list[int]:
    return [item["chat_id"] for item in answer["items"]]


def pages(portal: Portal, limit: int, **filters: Any) -> list[list[int]]:
    """Page through the recent list as documented: by `LIMIT`, until `hasMore` is false."""
    found, offset, more = [], 0, True
    while more:
        answer = result(portal, "im.recent.list", {"LIMIT": limit, "OFFSET": offset, **filters})
        found.append(ids(answer))
        more, offset = answer["hasMore"], offset + limit
    return found


# --- shapes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "muted", "audible"),
    [
        ("object", {"503": True}, []),
        ("list", [503], []),
        ("object_with_false", {"503": True, "547": False}, {"503": False, "547": False}),
    ],
)
def test_mute_list_shapes(portal: Portal, shape: Any, muted: Any, audible: Any) -> None:
    portal.quirks.recent_mute_list = shape
    portal.quirks.dialog_mute_list = shape
    for expected in (audible, muted):
        items = result(portal, "im.recent.list")["items"]
        assert [i["chat"]["mute_list"] for i in items if i["chat_id"] == 1489] == [expected]
        assert result(portal, "im.dialog.get", {"DIALOG_ID": "chat1489"})["mute_list"] == expected
        assert result(portal, "im.search.chat.list", {"FIND": "ops"})[0]["mute_list"] == expected
        portal.mute_by_hand(ANN, 1489)


def test_defaults_differ_by_method(portal: Portal) -> None:
    portal.mute_by_hand(ANN, 1489)
    portal.mute_by_hand(BOB, 1489)
    items = {item["chat_id"]: item for item in result(portal, "im.recent.list")["items"]}
    assert items[1489]["chat"]["mute_list"] == {"503": True}
    assert items[1502]["chat"]["mute_list"] == []
    assert result(portal, "im.dialog.get", {"DIALOG_ID": "chat1489"})["mute_list"] == [ANN]


def test_items_of_groups_and_people(portal: Portal) -> None:
    dialog = portal.add_private(ANN, BOB)
    portal.mute_by_hand(ANN, dialog.id)
    items = {item["chat_id"]: item for item in result(portal, "im.recent.list")["items"]}
    group, person = items[1489], items[dialog.id]
    assert (group["id"], group["type"], group["title"]) == ("chat1489", "chat", "Ops")
    assert group["chat"]["restrictions"]["mute"] is True
    assert group["chat"]["role"] == "MEMBER"
    assert (person["id"], person["type"], person["title"]) == (BOB, "user", "Bob Ray")
    assert person["chat"] == {"text_field_enabled": True, "background_id": None, "mute_list": {"503": True}}


def test_restrictions_tell_what_can_not_be_muted(portal: Portal) -> None:
    portal.add_chat(9, members=(ANN,), type="lines")
    assert result(portal, "im.dialog.get", {"DIALOG_ID": "chat9"})["restrictions"]["mute"] is False


# --- paging ----------------------------------------------------------------------------------------------------------


def test_envelope_of_the_recent_list(portal: Portal) -> None:
    answer = call(portal, "im.recent.list", {"LIMIT": 1})
    assert (answer["next"], answer["total"]) == (1, -1)
    assert answer["result"]["hasMore"] is True
    assert answer["result"]["hasMorePages"] is True
    assert call(portal, "im.recent.list", {"LIMIT": 1, "OFFSET": 1})["result"]["hasMore"] is False


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, 50), (0, 50), (-3, 50), ("x", 50), (7, 7), ("20", 20), (500, 200)]
)
def test_limits_of_a_page(portal: Portal, limit: Any, expected: int) -> None:
    for number in range(3000, 3250):
        portal.add_chat(number, members=(ANN,))
    assert len(result(portal, "im.recent.list", {"LIMIT": limit})["items"]) == expected


def test_order_is_pinned_first_then_activity(portal: Portal, clock: Clock) -> None:
    portal.chats[1489].last_activity = clock() - 100
    late = portal.add_chat(members=(ANN,), last_activity=clock() + 5)
    assert ids(result(portal, "im.recent.list")) == [late.id, 1502, 1489]
    portal.chats[1489].pinned_by.add(ANN)
    assert ids(result(portal, "im.recent.list")) == [1489, late.id, 1502]


def test_what_is_not_returned_makes_pages_short(portal: Portal, clock: Clock) -> None:
    portal.add_chat(11, members=(ANN,), has_messages=False)
    portal.add_chat(12, members=(ANN,), parent_id=1489)
    portal.add_chat(13, members=(BOB,), type="open")
    portal.add_chat(14, members=(ANN,)).hidden_by.add(ANN)
    for number in range(20, 26):
        portal.add_chat(number, members=(ANN,), last_activity=clock() - number)
    found = pages(portal, 3)
    assert min(len(page) for page in found) < 3
    assert result(portal, "im.recent.list", {"LIMIT": 11})["hasMore"] is False, "it is about rows, not about items"
    assert result(portal, "im.recent.list", {"LIMIT": 10})["hasMore"] is True
    assert sorted(number for page in found for number in page) == [*range(20, 26), 1489, 1502]
    for hidden in (11, 12, 14):
        assert result(portal, "im.dialog.get", {"DIALOG_ID": f"chat{hidden}"})["id"] == hidden


def test_stepping_by_next_repeats_dialogs(portal: Portal, clock: Clock) -> None:
    for number in range(20, 32):
        portal.add_chat(number, members=(ANN,), last_activity=clock() - number, has_messages=number % 3 > 0)
    first = call(portal, "im.recent.list", {"LIMIT": 6})
    second = call(portal, "im.recent.list", {"LIMIT": 6, "OFFSET": first["next"]})
    assert set(ids(first["result"])) & set(ids(second["result"]))


def test_rows_may_come_twice(portal: Portal, clock: Clock) -> None:
    portal.quirks.recent_repeat_every = 4
    for number in range(20, 60):
        portal.add_chat(number, members=(ANN,), last_activity=clock() - number)
    found = pages(portal, 7)
    flat = [number for page in found for number in page]
    assert set(flat) == {*range(20, 60), 1489, 1502}
    assert len(flat) > len(set(flat)), "no repetition across pages"
    assert all(len(page) == len(set(page)) for page in found)
    assert min(len(page) for page in found[:-1]) < 7, "no short page"


# --- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"chat", "open", "channel", "collab", "copilot", "lines", "private"}),
        ({"SKIP_OPENLINES": "Y"}, {"chat", "open", "channel", "collab", "copilot", "private"}),
        ({"SKIP_DIALOG": "Y"}, {"chat", "open", "channel", "collab", "copilot", "lines"}),
        ({"SKIP_CHAT": "Y"}, {"channel", "collab", "copilot", "lines", "private"}),
        ({"SKIP_CHAT": "N", "SKIP_DIALOG": True}, {"chat", "open", "channel", "collab", "copilot", "lines", "private"}),
        ({"ONLY_CHANNEL": "Y"}, {"channel"}),
        ({"ONLY_COPILOT": "Y"}, {"copilot"}),
        ({"UNREAD_ONLY": "Y"}, {"collab"}),
    ],
)
def test_filters(portal: Portal, filters: dict[str, Any], expected: set[str]) -> None:
    for kind in ("open", "channel", "collab", "copilot", "lines"):
        portal.add_chat(members=(ANN,), type=kind).unread = {ANN: 3} if kind == "collab" else {}
    portal.add_private(ANN, BOB)
    found = ids(result(portal, "im.recent.list", filters))
    assert {portal.chats[number].type for number in found} == expected


def test_a_date_is_a_cursor(portal: Portal, clock: Clock) -> None:
    portal.chats[1489].last_activity = clock() - 100
    cursor = datetime.fromtimestamp(clock() - 50, UTC).isoformat()
    assert ids(result(portal, "im.recent.list", {"LAST_MESSAGE_DATE": cursor})) == [1489]
    assert refusal(portal, "im.recent.list", {"LAST_MESSAGE_DATE": "soon"})[0] == 400


def test_recent_get_is_a_bare_list_of_thirty_days(portal: Portal, clock: Clock) -> None:
    portal.chats[1489].last_activity = clock() - 31 * 86400
    answer = call(portal, "im.recent.get")
    assert [item["chat_id"] for item in answer["result"]] == [1502]
    assert "total" not in answer


# --- single dialogs --------------------------------------------------------------------------------------------------


def test_dialog_get_resolves_every_form(portal: Portal) -> None:
    group, dialog = portal.add_workgroup(7, members=(ANN,)), portal.add_private(ANN, BOB)
    assert result(portal, "im.dialog.get", {"DIALOG_ID": "sg7"})["id"] == group.id
    assert result(portal, "im.dialog.get", {"dialog_id": BOB})["id"] == dialog.id
    assert result(portal, "im.dialog.get", {"DIALOG_ID": "chat1489"})["dialog_id"] == "chat1489"


def test_dialog_get_refuses(portal: Portal) -> None:
    portal.add_chat(9, members=(BOB,))
    assert refusal(portal, "im.dialog.get", {}) == (400, "DIALOG_ID_EMPTY")
    for dialog_id in ("chat9", "chat10", "sg10", EVE):
        assert refusal(portal, "im.dialog.get", {"DIALOG_ID": dialog_id}) == (403, "ACCESS_ERROR")
    assert portal.private_chat(ANN, EVE) is None, "reading creates nothing"
    portal.quirks.dialog_access_status = 400
    assert refusal(portal, "im.dialog.get", {"DIALOG_ID": "chat9"}) == (400, "ACCESS_ERROR")


def test_chat_get(portal: Portal) -> None:
    chat = portal.add_chat(members=(ANN,), type="crm", entity=("CRM", "DEAL|13"))
    portal.add_chat(members=(BOB,), type="crm", entity=("CRM", "DEAL|14"))
    assert result(portal, "im.chat.get", {"ENTITY_TYPE": "CRM", "ENTITY_ID": "DEAL|13"}) == {"ID": chat.id}
    assert result(portal, "im.chat.get", {"ENTITY_TYPE": "CRM", "ENTITY_ID": "DEAL|14"}) is None
    assert result(portal, "im.chat.get", {}) is None


def test_search(portal: Portal) -> None:
    for number in range(70, 83):
        portal.add_chat(number, members=(ANN,), title=f"Deal {number}")
    portal.add_chat(90, members=(BOB,), title="Deal 90")
    answer = call(portal, "im.search.chat.list", {"FIND": "deal"})
    assert (len(answer["result"]), answer["next"], answer["total"]) == (10, 10, 13)
    rest = call(portal, "im.search.chat.list", {"FIND": "deal", "OFFSET": 10})
    assert len(rest["result"]) == 3
    assert "next" not in rest
    assert refusal(portal, "im.search.chat.list", {"FIND": "d"}) == (400, "FIND_SHORT")


def test_counters(portal: Portal) -> None:
    assert result(portal, "im.counters.get")["CHAT_MUTED"] == []
    portal.chats[1489].unread[ANN] = 4
    portal.chats[1502].unread[ANN] = 1
    portal.mute_by_hand(ANN, 1489)
    answer = result(portal, "im.counters.get")
    assert answer["CHAT_MUTED"] == {"1489": 4}
    assert answer["CHAT"] == {"1502": 1}
    assert answer["TYPE"]["ALL"] == 1
