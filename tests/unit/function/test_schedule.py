"""Direct payloads: done once per run, put aside when hopeless, raised when another try may help."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bitrix24 import errors as portal
from chat_mute import errors
from chat_mute.budget import CALL_SECONDS
from chat_mute.idempotency import Idempotency
from chat_mute.observability import Telemetry
from chat_mute.queues import DeadLetters
from chat_mute.schedule import Schedule, is_direct
from chat_mute.store import CALL
from tests.unit.function.doubles import Context, FakeClock, FakeMuting, LetterBox, as_client, tables
from tests.unit.function.events import EVENTBRIDGE, S3, SQS, TICK, post
from tests.unit.layer.doubles import START

pytestmark = pytest.mark.usefixtures("telemetry")
ARN = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/nightly"
AT = "2026-03-03T19:00:00Z"
RUN = {"schedule": ARN, "at": AT}
MUTE = {"account": "default", "DIALOG_ID": "chat42", "MUTE": "Y"}


class World:
    """The schedule before stand-ins."""

    def __init__(self, outcome: Any = None) -> None:
        self.muting = FakeMuting(outcome)
        self.queue = LetterBox()
        self.dynamodb = tables()
        idempotency = Idempotency(as_client(self.dynamodb), "idempotency", "schedule:v1", 60)
        letters = DeadLetters(self.queue.connect, self.queue.url)
        self.schedule = Schedule(self.muting, idempotency, letters, Telemetry(), FakeClock())

    def direct(self, payload: dict[str, Any], milliseconds: int = 120_000) -> dict[str, Any]:
        return self.schedule.direct(payload, Context(milliseconds))

    @property
    def letters(self) -> list[Any]:
        return self.queue.letters


# ---- which events are meant -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        MUTE,
        {**MUTE, **RUN},
        {"CHAT_ID": 1},
        {"chat_id": 1, "mute": "N"},
        {"MUTE": "Y"},
        {"account": "default"},
        {"account": "default", **RUN},
        {"dialog_id": "chat1", "something": "else"},
        {"REASON": "x", "FOR": "PT8H"},
        {"d\u0131alog_id": "chat1"},
    ],
)
def test_an_event_that_names_a_chat_or_nothing_foreign_is_direct(event: dict[str, Any]) -> None:
    assert is_direct(event)


@pytest.mark.parametrize(
    "event", [{}, EVENTBRIDGE, S3, SQS, TICK, {"account": "1", "region": "x"}, {"Records": []}, post("{}"), {"x": 1}]
)
def test_other_peoples_events_are_not(event: dict[str, Any]) -> None:
    assert not is_direct(event)


# ---- what is done ---------------------------------------------------------------------------------------------------


def test_it_answers_what_the_api_would() -> None:
    answer = {"result": True, "time": {"start": 1}}
    world = World(answer)
    assert world.direct({**MUTE, **RUN}) == answer
    ((account, request, by),) = world.muting.asked
    assert (account, request.chat, request.muted, by) == ("default", "chat42", True, "schedule:nightly")
    assert world.queue.connected == 0


@pytest.mark.parametrize(
    ("payload", "account"),
    [
        ({"CHAT_ID": 1}, "default"),
        ({"CHAT_ID": 1, "account": None}, "default"),
        ({"CHAT_ID": 1, "account": "team-a"}, "team-a"),
        ({"chat_id": 1, "ACCOUNT": "team-a"}, "team-a"),
        ({"CHAT_ID": 1, "account": ""}, ""),
    ],
)
def test_the_account_is_default_unless_named(payload: dict[str, Any], account: str) -> None:
    world = World()
    world.direct(payload)
    assert world.muting.asked[0][0] == account


@pytest.mark.parametrize(("milliseconds", "seconds"), [(120_000, CALL_SECONDS), (30_000, 20)])
def test_the_budget_is_a_calls_and_what_lambda_leaves(milliseconds: int, seconds: float) -> None:
    world = World()
    world.direct(MUTE, milliseconds)
    assert world.muting.budgets == [pytest.approx(seconds, abs=0.5)]
    assert timedelta(seconds=CALL_SECONDS) < CALL, "a look would take it for dead while it is at work"


def test_a_call_without_a_run_is_done_each_time_and_says_so() -> None:
    world = World()
    for _ in range(2):
        world.direct({**MUTE, "schedule": None, "at": None})
    assert [by for _, _, by in world.muting.asked] == ["schedule:direct"] * 2
    assert world.dynamodb.calls == {}


# ---- once per run ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [AT, "2026-03-03T20:00:00+01:00", "2026-03-03t19:00z", "2026-03-03T19:00:00.000Z"])
def test_a_second_delivery_of_a_run_gives_the_first_answer_and_calls_nobody(
    at: str, counts: Callable[[], dict[str, int]]
) -> None:
    world = World({"result": True, "time": {"start": 1}})
    first = world.direct({**MUTE, **RUN})
    assert world.direct({**MUTE, "schedule": ARN, "at": at}) == first
    assert len(world.muting.asked) == 1
    assert counts() == {"Replayed": 1}


@pytest.mark.parametrize("other", [{"schedule": ARN + "2"}, {"at": "2026-03-04T19:00:00Z"}])
def test_another_schedule_or_time_is_another_run(other: dict[str, str]) -> None:
    world = World()
    world.direct({**MUTE, **RUN})
    world.direct({**MUTE, **RUN, **other})
    assert len(world.muting.asked) == 2


PASSING: list[Exception] = [
    portal.PortalTimeout(),
    portal.PortalUnreachable("x"),
    portal.PortalFailed("INTERNAL_SERVER_ERROR"),
    portal.QueryLimitExceeded("QUERY_LIMIT_EXCEEDED"),
    portal.Paused("OVERLOAD_LIMIT", "", START),
    portal.CredentialError("INVALID_CREDENTIALS"),
    portal.AccountBlocked("ACCESS_DENIED"),
    portal.PortalMoved(),
    portal.UnexpectedAnswer("x"),
    errors.IdempotencyInProgress(),
    RuntimeError("ours"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("run", [{}, RUN])
def test_a_failure_that_may_pass_is_raised_and_the_next_delivery_tries_again(
    error: Exception, run: dict[str, str]
) -> None:
    world = World(error)
    with pytest.raises(type(error)):
        world.direct({**MUTE, **run})
    assert world.letters == []
    world.muting.outcome = {"result": True}
    assert world.direct({**MUTE, **run}) == {"result": True}


# ---- hopeless payloads ----------------------------------------------------------------------------------------------

HOPELESS = [
    ({"account": "default"}, "CHAT_ID_EMPTY"),
    ({"CHAT_ID": "042"}, "CHAT_ID_EMPTY"),
    ({"DIALOG_ID": "chat"}, "DIALOG_ID_EMPTY"),
    ({"CHAT_ID": 1, "DIALOG_ID": "chat1"}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "MUTE": True}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "chat_id": 1}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "ACTION": "N"}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "tick": AT}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "REASON": ""}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "account": 7}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "account": ["default"]}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "schedule": ARN}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "at": AT}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, "schedule": None, "at": AT}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "at": "soon"}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "at": "<aws.scheduler.scheduled-time>"}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "at": 1772541297}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "schedule": ""}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "schedule": "x" * 513}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "schedule": "a\nb"}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "schedule": "\ud800"}, "INVALID_PARAMETER"),
    ({"CHAT_ID": 1, **RUN, "schedule": [ARN]}, "INVALID_PARAMETER"),
    ({"d\u0131alog_id": "chat1"}, "INVALID_PARAMETER"),
]


@pytest.mark.parametrize(("payload", "code"), HOPELESS)
def test_a_payload_that_can_never_succeed_is_put_aside_with_the_reason(
    payload: dict[str, Any], code: str, counts: Callable[[], dict[str, int]]
) -> None:
    world = World()
    answer = world.direct(payload)
    assert set(answer) == {"error", "error_description"}
    assert answer["error"] == code
    assert world.letters == [{"payload": payload, **answer}]
    assert (world.muting.asked, world.dynamodb.calls) == ([], {})
    assert counts() == {"ScheduleRejected": 1}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.AccountNotFound(), "ACCOUNT_NOT_FOUND"),
        (portal.InvalidChatId("CHAT_ID_EMPTY"), "CHAT_ID_EMPTY"),
        (portal.InvalidChatId("DIALOG_ID_EMPTY"), "DIALOG_ID_EMPTY"),
        (portal.AccessRefused("ACCESS_ERROR"), "ACCESS_ERROR"),
    ],
)
@pytest.mark.parametrize("run", [{}, RUN])
def test_what_the_portal_will_never_take_is_put_aside_too(
    error: Any, code: str, run: dict[str, str], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    world = World(error)
    payload = {**MUTE, **run}
    assert world.direct(payload) == {"error": code, "error_description": error.description}
    assert world.letters == [{"payload": payload, "error": code, "error_description": error.description}]
    assert [(line["level"], line["outcome"]) for line in lines()] == [("WARNING", code)]
    assert world.dynamodb.items("idempotency") == []


def test_a_dead_letter_that_cannot_be_written_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def broken(**_: Any) -> None:
        raise RuntimeError("SQS is down")

    monkeypatch.setattr(world.queue, "send_message", broken)
    with pytest.raises(RuntimeError, match="SQS"):
        world.direct({"CHAT_ID": "x"})
