"""Reading chats and asking who we are, against a portal."""

from collections.abc import Iterator
from typing import Any

import pytest

from bitrix24 import Command, chats, errors, users
from bitrix24.chats import Chat
from local.portal import Fault, Limits, Quirks
from tests.unit.layer_portal.world import ANN, BEN, World

DIALOG, RECENT = "im.dialog.get", "im.recent.list"


def dialogs(world: World, names: Any) -> dict[str, Any]:
    outcomes = chats.dialogs(world.client, names, time_left=world.time_left)
    return {name: one.chat_id if isinstance(one, Chat) else one.code for name, one in outcomes}


def recent(world: World, *, check_user: bool = True) -> list[int]:
    found = chats.recent_chats(world.client, time_left=world.time_left, check_user=check_user)
    return sorted(chat.chat_id for chat in found)


def numbered(last: int) -> list[str]:
    return [f"chat{number}" for number in range(1, last + 1)]


# ---- one chat in both readings ----


@pytest.mark.parametrize("shape", ["object", "list", "object_with_false"])
@pytest.mark.parametrize("muted", [False, True])
def test_both_readings_tell_the_same_of_every_chat(shape: Any, muted: bool) -> None:
    world = World(quirks=Quirks(recent_mute_list=shape, dialog_mute_list=shape))
    world.portal.add_private(ANN, BEN, 40)
    world.portal.add_private(ANN, ANN, 41)
    world.portal.add_workgroup(7, 70, members=[ANN, BEN])
    world.portal.add_chat(71, members=[ANN], type="crm", entity=("CRM", "DEAL|13"))
    world.portal.add_chat(72, members=[ANN], type="call")
    for chat_id in world.portal.chats:
        world.portal.mute_by_hand(ANN, chat_id, muted=muted)
    world.portal.mute_by_hand(BEN, 70)  # which is nothing to Ann
    listed = list(chats.recent_chats(world.client, time_left=world.time_left))
    outcomes = chats.dialogs(world.client, [chat.dialog_id for chat in listed], time_left=world.time_left)
    assert [outcome for _, outcome in outcomes] == listed
    assert {chat.muted for chat in listed} == {muted}
    by_number = {chat.chat_id: chat for chat in listed}
    private, workgroup, call = by_number[40], by_number[70], by_number[72]
    assert (private.dialog_id, private.type, private.title) == (str(BEN), "private", f"User {BEN}")
    assert (private.mutable, private.aliases) == (True, ())
    assert by_number[41].dialog_id == str(ANN), "the personal notes"
    assert (workgroup.dialog_id, workgroup.type, workgroup.aliases) == ("chat70", "sonetGroup", ("sg7",))
    assert call.mutable is False


def test_a_chat_is_known_by_the_name_it_was_asked_for_by() -> None:
    world = World()
    world.portal.add_chat(9, members=[ANN], type="crm", entity=("CRM", "DEAL|13"))
    world.portal.aliases["crm9"] = 9
    world.portal.add_private(ANN, BEN, 40)
    found = dict(chats.dialogs(world.client, ["crm9", "CRM9", "chat9", str(BEN), "chat40"], time_left=world.time_left))
    names = {name: chat.aliases for name, chat in found.items() if isinstance(chat, Chat)}
    assert names == {"crm9": ("crm9",), "CRM9": ("crm9",), "chat9": (), str(BEN): (), "chat40": ()}


def test_an_old_build_knows_no_user_ids() -> None:
    world = World(quirks=Quirks(build="older"))
    world.portal.add_private(ANN, BEN, 40)
    assert dialogs(world, [str(BEN), "chat40"]) == {str(BEN): "DIALOG_ID_EMPTY", "chat40": 40}


# ---- many ----


def test_any_number_of_names_fifty_to_a_request() -> None:
    world = World(chats=120)
    names = [*numbered(120), "chat999", "bogus"]
    outcomes = dialogs(world, names)
    assert list(outcomes) == names, "in order"
    assert list(outcomes.values()) == [*range(1, 121), "ACCESS_ERROR", "DIALOG_ID_EMPTY"]
    assert [len(call.commands) for call in world.portal.calls] == [50, 50, 22]


@pytest.mark.parametrize(
    ("code", "status"),
    [("INVALID_CREDENTIALS", 401), ("ACCESS_DENIED", 403), ("OVERLOAD_LIMIT", 503), ("QUERY_LIMIT_EXCEEDED", 401)],
)
def test_an_error_of_the_account_in_the_middle_ends_the_asking(code: str, status: int) -> None:
    world = World(chats=200)
    world.portal.faults.add(Fault.error(code, status=status), method="batch", after=1, times=None)
    outcomes = dialogs(world, numbered(200))
    assert list(outcomes.values()) == [*range(1, 51), *[code] * 150]
    assert world.calls("batch") == 2


def test_a_method_blocked_within_a_batch_ends_the_asking_and_keeps_what_is_known() -> None:
    world = World(chats=120)
    world.portal.faults.add(
        Fault.error("OPERATION_TIME_LIMIT", status=429), method=DIALOG, in_batch=True, after=70, times=None
    )
    outcomes = dialogs(world, numbered(120))
    assert list(outcomes.values()) == [*range(1, 71), *["OPERATION_TIME_LIMIT"] * 50]
    assert world.calls("batch") == 2


def test_a_failure_of_one_request_that_is_not_the_accounts_is_those_chats_only() -> None:
    world = World(chats=120)
    world.portal.faults.add(Fault.result_after_effect("nonsense"), method="batch", after=1, times=3)
    outcomes = dialogs(world, numbered(120))
    assert list(outcomes.values()) == [*range(1, 51), *["ERROR_UNEXPECTED_ANSWER"] * 50, *range(101, 121)]


def test_names_lost_in_an_answer_are_asked_for_again() -> None:
    world = World(chats=3)
    world.portal.faults.add(Fault.no_result(), method=DIALOG, in_batch=True, params={"DIALOG_ID": "chat2"})
    assert dialogs(world, numbered(3)) == {"chat1": 1, "chat2": 2, "chat3": 3}
    assert [len(call.commands) for call in world.portal.calls] == [3, 1]


def test_what_the_time_does_not_allow_is_told_unasked() -> None:
    world = World(chats=200, seconds=30)
    world.portal.faults.add(Fault.slow_after_effect(20), method="batch", times=None)
    outcomes = dialogs(world, numbered(200))
    assert list(outcomes.values())[:50] == list(range(1, 51))
    assert list(outcomes.values())[50:] == ["PORTAL_TIMEOUT"] * 50 + ["QUERY_LIMIT_EXCEEDED"] * 100
    assert world.calls("batch") == 2


def test_names_are_taken_as_they_are_needed() -> None:
    world = World(chats=200)
    given: list[str] = []

    def names() -> Iterator[str]:
        for name in numbered(200):
            given.append(name)
            yield name

    next(chats.dialogs(world.client, names(), time_left=world.time_left))
    assert len(given) == 50


def test_a_portal_that_refuses_the_method_in_batches_gets_single_calls() -> None:
    world = World(quirks=Quirks(batch_refuses=frozenset({DIALOG})))
    assert dialogs(world, [*numbered(3), "chat99"]) == {"chat1": 1, "chat2": 2, "chat3": 3, "chat99": "ACCESS_ERROR"}
    assert world.calls("batch") == 1


# ---- who we are ----


@pytest.mark.parametrize("oauth", [False, True])
def test_the_check_costs_no_request(oauth: bool) -> None:
    world = World(oauth=oauth)
    assert recent(world) == [1, 2, 3]
    assert chats.dialog(world.client, "chat2", time_left=world.time_left, check_user=True).chat_id == 2
    assert [call.method for call in world.portal.calls] == ["batch", "batch"]
    assert all(len(call.commands) == 2 for call in world.portal.calls)


def test_a_webhook_that_acts_for_somebody_else_is_told_before_the_first_chat() -> None:
    world = World()
    world.portal.change_webhook_owner(ANN, BEN)
    world.portal.join(BEN, 2)
    with pytest.raises(errors.UserChanged):
        next(chats.recent_chats(world.client, time_left=world.time_left, check_user=True))
    for name in ("chat2", "chat1"):  # whether the other user may see the chat or not
        with pytest.raises(errors.UserChanged):
            chats.dialog(world.client, name, time_left=world.time_left, check_user=True)
    assert recent(world, check_user=False) == [2], "without the check, it is the other user's list"


def test_tokens_that_expire_meanwhile_are_still_checked() -> None:
    world = World(oauth=True)
    world.portal.oauth.expire()
    answer = users.checked_call(world.client, Command("scope"), time_left=world.time_left)
    assert "im" in answer.result
    assert world.calls("oauth.token") == 1


def test_the_first_page_is_checked_and_no_other() -> None:
    world = World(chats=450, limits=Limits.self_hosted())
    assert recent(world) == list(range(1, 451))
    assert [int(call.params["OFFSET"]) for call in world.portal.calls_of(RECENT)] == [0, 200, 400, 0]
    assert world.calls("profile") == world.calls("batch") == 1


def test_short_and_empty_pages_lose_nothing() -> None:
    world = World(chats=0, limits=Limits.self_hosted())
    now = world.clock.unix()
    for number in range(1, 1001):  # the newest 400 are not listed: two empty pages come first
        listed = number > 400 and number % 3 > 0
        world.portal.add_chat(number, members=[ANN], has_messages=listed, last_activity=now - number)
    assert recent(world) == [number for number in range(401, 1001) if number % 3 > 0]


@pytest.mark.parametrize("refused", [{"profile"}, {DIALOG}, {"profile", DIALOG}])
def test_a_portal_that_refuses_a_method_in_batches_is_asked_singly(refused: set[str]) -> None:
    world = World(quirks=Quirks(batch_refuses=frozenset(refused)))
    assert chats.dialog(world.client, "chat1", time_left=world.time_left, check_user=True).chat_id == 1
    world.portal.change_webhook_owner(ANN, BEN)
    with pytest.raises(errors.UserChanged):
        chats.dialog(world.client, "chat1", time_left=world.time_left, check_user=True)


def test_a_lost_profile_is_asked_for_again_and_never_taken_for_ours() -> None:
    world = World()
    world.portal.faults.add(Fault.no_result(), method="profile", in_batch=True, times=1)
    assert recent(world) == [1, 2, 3]
    world.portal.faults.add(Fault.no_result(), method="profile", in_batch=True, times=None)
    with pytest.raises(errors.NotExecuted):
        recent(world)


def test_credentials_that_are_refused_are_no_change_of_user() -> None:
    world = World()
    world.portal.delete_webhook(ANN)
    with pytest.raises(errors.CredentialError):
        recent(world)


def test_an_administrators_edit_makes_another_code_so_ours_is_refused() -> None:
    world = World()
    world.portal.admin_edits_webhook(ANN, BEN)
    with pytest.raises(errors.CredentialError):
        recent(world)
