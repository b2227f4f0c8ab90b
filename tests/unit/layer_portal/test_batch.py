"""Batches: an outcome for each command in every shape PHP finds for it, and successes are never lost."""

from typing import Any

import pytest

from bitrix24 import Answer, Command
from bitrix24.batch import SIZE, read_batch
from bitrix24.client import Outcome
from bitrix24.errors import AccessRefused, Bitrix24Error, NotExecuted, Paused, UnexpectedAnswer
from local.portal import Fault, Limits, Quirks
from tests.unit.layer_portal.world import World

METHOD = "im.chat.mute"


def commands(*chat_ids: int) -> dict[str, Command]:
    return {f"c{chat_id}": Command(METHOD, {"CHAT_ID": chat_id, "MUTE": "Y"}) for chat_id in chat_ids}


def told(outcome: Outcome) -> Any:
    return outcome.result if isinstance(outcome, Answer) else outcome.code


def batch(world: World, *chat_ids: int) -> dict[str, Any]:
    outcomes = world.client.batch(commands(*chat_ids), time_left=world.time_left)
    return {key: told(outcome) for key, outcome in outcomes.items()}


def test_each_command_has_its_outcome_and_successes_survive_failures() -> None:
    world = World()
    assert batch(world, 1, 99, 3) == {"c1": True, "c99": "ACCESS_ERROR", "c3": True}
    assert world.muted() == {1, 3}
    assert len(world.transport.sent) == 1


def test_values_are_encoded_once() -> None:
    assert str(Command("im.search.chat.list", {"FIND": "a&b=ü c"})) == "im.search.chat.list?FIND=a%26b%3D%C3%BC+c"


def test_more_than_fifty_are_our_own_mistake() -> None:
    world = World()
    with pytest.raises(ValueError, match="50"):
        world.client.batch(commands(*range(1, SIZE + 2)), time_left=world.time_left)


@pytest.mark.parametrize(
    ("result", "outcomes"),
    [
        ({"result": {"a": True, "b": False}, "result_error": []}, {"a": True, "b": False}),
        ({"result": [], "result_error": {"a": {"error": "ACCESS_ERROR"}}}, {"a": "ACCESS_ERROR", "b": NotExecuted}),
        ({"result": None, "result_error": None}, {"a": NotExecuted, "b": NotExecuted}),
        ({"result": {"a": None}, "result_error": {"b": "text"}}, {"a": None, "b": "text"}),
        ({"result": {"a": 1}, "result_error": {"b": []}}, {"a": 1, "b": UnexpectedAnswer}),
        ({"result_error": {"a": {"error": 7}, "b": {"error": None}}}, {"a": UnexpectedAnswer, "b": UnexpectedAnswer}),
        ([], {"a": NotExecuted, "b": NotExecuted}),
        (None, {"a": NotExecuted, "b": NotExecuted}),
        ("no", {"a": NotExecuted, "b": NotExecuted}),
    ],
)
def test_every_shape_of_an_answer(result: Any, outcomes: dict[str, Any]) -> None:
    read = read_batch(result, ("a", "b"), ())
    for key, expected in outcomes.items():
        if isinstance(expected, type):
            assert type(read[key]) is expected
        else:
            one = read[key]
            assert (one.result if isinstance(one, Answer) else getattr(one, "code", None)) == expected


def test_a_list_is_the_map_php_made_it_from() -> None:
    read = read_batch({"result": [True, False], "result_error": []}, ("0", "1", "2"), ())
    assert [one.result if isinstance(one, Answer) else type(one) for one in read.values()] == [True, False, NotExecuted]


def test_a_command_missing_from_the_answer_is_asked_for_again() -> None:
    world = World()
    world.portal.faults.add(Fault.result_after_effect({"result": {"c1": True}, "result_error": []}), method="batch")
    assert batch(world, 1, 2) == {"c1": True, "c2": True}
    assert [len(call.commands) for call in world.portal.calls] == [2, 1]


def test_a_command_that_never_gets_an_answer_is_unknown_and_no_success() -> None:
    world = World()
    empty: dict[str, Any] = {"result": [], "result_error": []}
    world.portal.faults.add(Fault.result(empty), method="batch", times=None)
    outcomes = world.client.batch(commands(1), time_left=world.time_left)
    assert type(outcomes["c1"]) is NotExecuted
    assert len(world.portal.calls) == NotExecuted.tries


def test_a_commands_passing_error_is_retried_alone() -> None:
    world = World()
    error = Fault.error("INTERNAL_SERVER_ERROR", status=500)
    world.portal.faults.add(error, method=METHOD, in_batch=True, params={"CHAT_ID": "2"}, times=1)
    assert batch(world, 1, 2, 3) == {"c1": True, "c2": True, "c3": True}
    assert [len(call.commands) for call in world.portal.calls] == [3, 1]


def test_a_failure_of_the_whole_request_is_every_commands_outcome() -> None:
    world = World()
    world.portal.faults.add(Fault.error("ACCESS_DENIED", status=401), method="batch", times=1)
    assert batch(world, 1, 2) == {"c1": "ACCESS_DENIED", "c2": "ACCESS_DENIED"}


def test_successes_are_kept_when_the_rest_fails_later() -> None:
    world = World()
    half = {"result": {"c1": True}, "result_error": []}
    world.portal.faults.add(Fault.result_after_effect(half), method="batch", times=1)
    world.portal.faults.add(Fault.error("PORTAL_DELETED", status=403), method="batch", times=1)
    assert batch(world, 1, 2) == {"c1": True, "c2": "PORTAL_DELETED"}


def test_a_method_blocked_in_a_batch_pauses_that_method_for_the_account() -> None:
    world = World()
    world.portal.faults.add(Fault.error("OPERATION_TIME_LIMIT", status=429), method=METHOD, in_batch=True, times=None)
    outcomes = world.client.batch(commands(1, 2), time_left=world.time_left)
    assert {type(outcome) for outcome in outcomes.values()} == {Paused}
    asked = len(world.portal.calls)
    assert batch(world, 3) == {"c3": "OPERATION_TIME_LIMIT"}
    assert len(world.portal.calls) == asked
    world.client.call("profile", time_left=world.time_left)


@pytest.mark.parametrize("whole", [False, True])
def test_a_portal_that_refuses_the_method_in_batches_gets_single_calls_and_that_is_remembered(whole: bool) -> None:
    world = World(quirks=Quirks(batch_refuses=frozenset() if whole else frozenset({METHOD})))
    if whole:
        world.portal.faults.add(Fault.error("ERROR_BATCH_METHOD_NOT_ALLOWED", status=405), method="batch", times=None)
    assert batch(world, 1, 2, 99) == {"c1": True, "c2": True, "c99": "ACCESS_ERROR"}
    assert batch(world, 3) == {"c3": True}
    assert [call.method for call in world.portal.calls].count("batch") == 1
    other = world.another_client()
    other.batch(commands(1), time_left=world.time_left)
    assert [call.method for call in world.portal.calls].count("batch") == 1, "remembered for the portal"


def test_a_non_members_chat_in_a_batch_is_refused_not_lost() -> None:
    world = World(quirks=Quirks(non_member="false"), limits=Limits(enabled=False))
    assert batch(world, 1, 99)["c1"] is True
    assert isinstance(AccessRefused("ACCESS_ERROR"), Bitrix24Error)
