"""Many chats, and the list of all chats."""

from collections.abc import Iterator
from typing import Any

import pytest

from bitrix24 import Answer, chats, muting
from bitrix24.chats import Chat, muted_for
from bitrix24.errors import AccessRefused, InvalidChatId, UnexpectedAnswer
from local.portal import Fault, Limits, Quirks
from tests.unit.layer_portal.world import ANN, BEN, World


def mute_many(world: World, ids: Any, **options: Any) -> dict[int, Any]:
    outcomes = muting.mute_many(world.client, ids, muted=True, time_left=world.time_left, **options)
    return {chat_id: outcome.result if isinstance(outcome, Answer) else outcome.code for chat_id, outcome in outcomes}


def test_each_chat_has_its_outcome_in_any_number() -> None:
    world = World(chats=120)
    outcomes = mute_many(world, [*range(1, 121), 999])
    assert outcomes.pop(999) == "ACCESS_ERROR"
    assert set(outcomes.values()) == {True}
    assert world.muted() == set(range(1, 121))
    assert world.calls("batch") == 3


def test_unmuting_is_the_same() -> None:
    world = World(chats=2)
    mute_many(world, [1, 2])
    assert dict(muting.mute_many(world.client, [1], muted=False, time_left=world.time_left)).keys() == {1}
    assert world.muted() == {2}


def test_result_false_is_not_a_success() -> None:
    world = World(chats=1)
    world.portal.faults.add(Fault.result(False), method="im.chat.mute", in_batch=True, times=1)
    ((_, outcome),) = muting.mute_many(world.client, [1], muted=True, time_left=world.time_left)
    assert isinstance(outcome, AccessRefused)


@pytest.mark.parametrize("code", ["INVALID_CREDENTIALS", "ACCESS_DENIED", "OVERLOAD_LIMIT", "PORTAL_DELETED"])
def test_an_error_of_the_account_ends_the_asking_and_every_chat_is_told(code: str) -> None:
    world = World(chats=1000)
    world.portal.faults.add(Fault.error(code, status=401), method="batch", times=None)
    outcomes = mute_many(world, range(1, 1001), in_flight=1)
    assert set(outcomes.values()) == {code}
    assert len(outcomes) == 1000
    assert world.calls("batch") == 1


def test_chat_ids_are_taken_as_they_are_needed() -> None:
    world = World(chats=200)
    given: list[int] = []

    def ids() -> Iterator[int]:
        for chat_id in range(1, 201):
            given.append(chat_id)
            yield chat_id

    outcomes = muting.mute_many(world.client, ids(), muted=True, time_left=world.time_left, in_flight=1)
    next(outcomes)
    assert len(given) <= 100, "the chunk in flight and, at most, the next"


def test_what_time_does_not_allow_is_told_as_not_done() -> None:
    world = World(chats=4000, seconds=5)
    outcomes = mute_many(world, range(1, 4001), in_flight=1)
    assert len(outcomes) == 4000
    assert {chat for chat, told in outcomes.items() if told is True} == world.muted()
    assert 0 < len(world.muted()) < 4000


def test_the_list_has_every_chat_once_with_its_state() -> None:
    world = World(chats=450, limits=Limits.self_hosted())
    world.portal.add_private(ANN, BEN, 1000)
    world.portal.add_chat(1001, type="lines", members=[ANN])
    world.portal.mute_by_hand(ANN, 7)
    found = list(chats.recent_chats(world.client, time_left=world.time_left))
    assert sorted(chat.chat_id for chat in found) == [*range(1, 451), 1000]
    assert [chat.chat_id for chat in found if chat.muted] == [7]
    private = next(chat for chat in found if chat.chat_id == 1000)
    assert (private.dialog_id, private.type, private.muted) == (str(BEN), "private", False)
    offsets = [int(call.params["OFFSET"]) for call in world.portal.calls_of("im.recent.list")]
    assert offsets == [0, 200, 400, 0]


def test_pages_that_repeat_and_shift_give_each_chat_once() -> None:
    world = World(chats=450, quirks=Quirks(recent_repeat_every=7), limits=Limits.self_hosted())
    found = [chat.chat_id for chat in chats.recent_chats(world.client, time_left=world.time_left)]
    assert sorted(found) == list(range(1, 451))


def test_a_chat_that_jumps_to_the_top_while_pages_are_read_is_found() -> None:
    world = World(chats=250, limits=Limits.self_hosted())
    listing = chats.recent_chats(world.client, time_left=world.time_left)
    found = [next(listing) for _ in range(200)]
    unseen = ({*range(1, 251)} - {chat.chat_id for chat in found}).pop()
    world.portal.chats[unseen].last_activity = world.clock.unix() + 60
    found += listing
    assert sorted(chat.chat_id for chat in found) == list(range(1, 251))


@pytest.mark.parametrize("shape", ["object", "list", "flags"])
def test_one_chat_is_found_by_whatever_names_it(shape: Any) -> None:
    world = World(quirks=Quirks(dialog_mute_list=shape))
    world.portal.add_workgroup(7, 70, members=[ANN])
    world.portal.mute_by_hand(ANN, 70)
    chat = chats.dialog(world.client, "sg7", time_left=world.time_left)
    assert (chat.chat_id, chat.muted, chat.mutable) == (70, True, True)
    assert chats.dialog(world.client, "chat1", time_left=world.time_left).muted is False


def test_a_chat_that_is_not_ours_or_none_is_told_apart() -> None:
    world = World()
    with pytest.raises(AccessRefused):
        chats.dialog(world.client, "chat99", time_left=world.time_left)
    with pytest.raises(InvalidChatId):
        chats.dialog(world.client, "bogus", time_left=world.time_left)
    world.portal.faults.add(Fault.result(None), method="im.dialog.get", times=1)
    with pytest.raises(UnexpectedAnswer):
        chats.dialog(world.client, "chat1", time_left=world.time_left)


def test_a_chat_that_cannot_be_muted_says_so() -> None:
    world = World()
    world.portal.add_chat(50, type="lines", members=[ANN])
    assert chats.dialog(world.client, "chat50", time_left=world.time_left).mutable is False


@pytest.mark.parametrize(
    ("mute_list", "muted"),
    [
        ([503], True), (["503"], True), ([547], False), ([], False), ({}, False), ({"503": True}, True),
        ({"503": False, "547": True}, False), ({"547": True}, False), (None, None), ("503", None), (503, None),
    ],
)  # fmt: skip
def test_three_shapes_of_mute_list_and_absent_is_unknown(mute_list: Any, muted: bool | None) -> None:
    assert muted_for(mute_list, 503) is muted


@pytest.mark.parametrize("page", [None, [], {}, {"items": None}, {"items": "x"}])
def test_a_page_that_is_none_is_an_error_not_an_empty_list(page: Any) -> None:
    world = World()
    world.portal.faults.add(Fault.result(page), method="im.recent.list", times=1)
    with pytest.raises(UnexpectedAnswer):
        list(chats.recent_chats(world.client, time_left=world.time_left))


def test_a_page_of_nonsense_entries_is_passed_over() -> None:
    world = World()
    items = [None, 1, {}, {"chat_id": "x"}, {"chat_id": 5, "id": "chat5", "type": "chat", "title": "T", "chat": None}]
    world.portal.faults.add(Fault.result({"items": items, "hasMore": False}), method="im.recent.list", times=1)
    assert list(chats.recent_chats(world.client, time_left=world.time_left)) == [
        Chat(5, "chat5", "chat", "T", muted=None, mutable=True)
    ]
