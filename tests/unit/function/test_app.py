"""Recognising what invoked the Lambda, and the whole of it with real clients behind stubs."""

import json
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bitrix24.errors import PortalTimeout
from chat_mute import app
from chat_mute.errors import UnknownEvent
from chat_mute.idempotency import Idempotency
from chat_mute.observability import Telemetry
from chat_mute.queues import DeadLetters
from chat_mute.schedule import Schedule
from chat_mute.wiring import Service
from tests.unit.function.doubles import (
    Context,
    FakeAccountCheck,
    FakeClock,
    FakeMuting,
    LetterBox,
    api,
    as_client,
    tables,
)
from tests.unit.function.events import EVENTBRIDGE, REQUEST_ID, S3, api_event, post

# Not the marked code: what is logged on purpose here stays in pytest's own raw records.
CODE = "s3cr3tc0de7x9"
URL = f"https://portal.example/rest/503/{CODE}/"

Lines = Callable[[], list[dict[str, Any]]]


class World:
    """A service of stand-ins, observed as in the Lambda."""

    def __init__(self, telemetry: Telemetry, outcome: Any = None) -> None:
        dynamodb, clock = tables(), FakeClock()
        self.muting = FakeMuting(outcome)
        self.queue = LetterBox()
        once = Idempotency(as_client(dynamodb), "idempotency", "x", 60)
        letters = DeadLetters(self.queue.connect, self.queue.url)
        nobody: Any = SimpleNamespace()
        self.service = Service(
            api=api(self.muting, FakeAccountCheck(), dynamodb, telemetry, clock),
            schedule=Schedule(self.muting, once, letters, telemetry, clock),
            tick=nobody,
            worker=nobody,
            operator=nobody,
            telemetry=telemetry,
        )

    def dispatch(self, event: Any) -> Any:
        return app.dispatch(self.service, event, Context())

    def handle(self, event: Any, context: Context | None = None) -> Any:
        return self.service.telemetry.observe(lambda event, context: app.dispatch(self.service, event, context))(
            event, context or Context()
        )


@pytest.fixture
def world(telemetry: Telemetry) -> World:
    return World(telemetry)


def test_a_request_of_the_gateway_goes_to_the_api(world: World) -> None:
    assert world.dispatch(api_event("GET", "/health", None))["statusCode"] == 200
    assert world.dispatch(post('{"CHAT_ID": 1}'))["statusCode"] == 200
    assert len(world.muting.asked) == 1


def test_a_payload_goes_to_the_schedule(world: World) -> None:
    assert world.dispatch({"CHAT_ID": 1}) == {"result": True}
    assert world.dispatch({"CHAT_ID": "x"})["error"] == "CHAT_ID_EMPTY"
    assert len(world.queue.letters) == 1


@pytest.mark.parametrize(
    "event",
    [
        EVENTBRIDGE,
        S3,
        {"Records": [{"eventSource": "aws:sns", "Sns": {}}]},
        {},
        {"secret": URL},
        {"httpMethod": "GET"},
        {"version": "2.0", "requestContext": {"http": {"method": "GET"}}},
        [],
        [{"CHAT_ID": 1}],
        "CHAT_ID",
        7,
        None,
    ],
)
def test_an_unknown_event_is_raised_without_its_content_and_counted(
    world: World, event: Any, counts: Callable[[], dict[str, int]]
) -> None:
    with pytest.raises(UnknownEvent) as caught:
        world.dispatch(event)
    said = "".join(traceback.format_exception(caught.value))
    assert "unknown event" in said
    assert "secret" not in said
    assert CODE not in said
    assert counts() == {"UnknownEvent": 1}
    assert world.muting.asked == []


# ---- what is observed -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cold")
def test_each_line_has_the_invocation_in_it(world: World, lines: Lines) -> None:
    world.handle(post("{"))
    world.handle({"CHAT_ID": "x"}, Context(aws_request_id="second-invocation"))
    api, schedule = lines()
    assert api["service"] == schedule["service"] == "chat-mute"
    assert (api["trigger"], api["correlation_id"], api["cold_start"]) == ("api", REQUEST_ID, True)
    assert api["function_request_id"] == Context().aws_request_id
    assert (schedule["trigger"], schedule["correlation_id"]) == ("schedule", "second-invocation")
    assert (schedule["cold_start"], schedule["function_request_id"]) == (False, "second-invocation")
    assert api["timestamp"].endswith(("Z", "+00:00"))


def test_metrics_are_written_with_their_trigger(world: World, metrics: Lines) -> None:
    world.handle({"CHAT_ID": "x"})
    (line,) = metrics()
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "QuietHours"
    assert [set(dimensions) for dimensions in directive["Dimensions"]] == [{"service", "trigger"}]
    assert directive["Metrics"] == [{"Name": "ScheduleRejected", "Unit": "Count"}]
    assert (line["service"], line["trigger"], line["ScheduleRejected"]) == ("chat-mute", "schedule", [1.0])


def test_metrics_are_written_also_when_the_invocation_fails(telemetry: Telemetry, metrics: Lines) -> None:
    world = World(telemetry)
    with pytest.raises(UnknownEvent):
        world.handle(S3)
    (line,) = metrics()
    assert (line["UnknownEvent"], line["Raised"], line["trigger"]) == ([1.0], [1.0], "unknown")


def test_what_is_raised_is_counted_by_trigger(world: World, metrics: Lines) -> None:
    world.muting.outcome = PortalTimeout()
    with pytest.raises(PortalTimeout):
        world.handle({"CHAT_ID": 1})
    assert world.handle(post('{"CHAT_ID": 1}'))["statusCode"] == 504
    (line,) = metrics()
    assert (line["Raised"], line["trigger"]) == ([1.0], "schedule")


def test_nothing_is_written_where_nothing_was_counted(world: World, metrics: Lines) -> None:
    world.handle(api_event("GET", "/health", None))
    assert metrics() == []


def test_nothing_of_one_invocation_is_left_for_the_next(world: World, lines: Lines, metrics: Lines) -> None:
    world.handle({"CHAT_ID": "x"})
    with pytest.raises(UnknownEvent):
        world.handle(S3)
    world.service.telemetry.logger.info("afterwards")
    assert (lines()[-1]["trigger"], lines()[-1]["correlation_id"]) == ("unknown", Context().aws_request_id)
    assert [line["trigger"] for line in metrics()] == ["schedule", "unknown"]


def test_the_same_metric_counted_twice_is_one_metric_with_two_values(world: World, metrics: Lines) -> None:
    world.service.telemetry.count("X")
    world.service.telemetry.count("X")
    world.handle(api_event("GET", "/health", None))
    (line,) = metrics()
    assert line["X"] == [1.0, 1.0]


def test_no_log_line_has_a_webhook_and_every_line_stays_json(world: World, lines: Lines) -> None:
    logger = world.service.telemetry.logger
    for text in (URL, f'"{URL}"', f"{URL}\n", f"{URL}\\", f"{URL[:-1]}\u00e9", f'{URL[:-1]}\\"x'):
        logger.info(text, extra={"why": text, "nested": {"deep": [text]}})
        logger.error("failed", exc_info=RuntimeError(text))
    written = lines()
    assert len(written) == 12
    assert CODE not in json.dumps(written)
    assert all("/rest/503/***" in json.dumps(line) for line in written)


def test_a_value_that_is_no_json_is_logged_as_text(world: World, lines: Lines) -> None:
    world.service.telemetry.logger.info("x", extra={"value": {1}})
    assert lines()[0]["value"] == "{1}"
