"""Every alarm watches something that is really counted, tells somebody, and is explained."""

import json
import re
from typing import Any

import pytest

from chat_mute.observability import NAMESPACE, SERVICE
from local.build import read_template
from local.paths import ROOT
from tests.template.conditions import applied

Resources = dict[str, Any]

SOURCES = ROOT / "functions" / "chat_mute"
TRIGGERS = {
    "api": {"api.py", "muting.py", "policies.py", "jobs.py"},
    "schedule": {"schedule.py", "muting.py"},
    "tick": {"tick.py"},
    "queue": {"worker.py", "reconcile.py", "look.py", "job_work.py"},
    "operator": {"operator.py"},
}
"""By trigger, the modules that count for it."""

TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"


def _alarms(resources: Resources) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}


def _counted() -> dict[str, set[str]]:
    """By module: the metrics it counts."""
    counted: dict[str, set[str]] = {}
    for source in SOURCES.glob("*.py"):
        calls = re.findall(r"telemetry\.count\(([^)]*)", source.read_text())
        counted[source.name] = {name for call in calls for name in re.findall(r'"([A-Za-z]+)"', call)}
    return counted


def _dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    return {one["Name"]: one["Value"] for one in alarm["Dimensions"]}


def _of(namespace: str) -> list[str]:
    resources: Resources = read_template()["Resources"]  # type: ignore[assignment]
    return [name for name, alarm in _alarms(resources).items() if alarm["Namespace"] == namespace]


@pytest.mark.parametrize("name", _of(NAMESPACE))
def test_our_own_metric_is_counted_under_that_trigger(resources: Resources, name: str) -> None:
    alarm = _alarms(resources)[name]
    dimensions = _dimensions(alarm)
    assert set(dimensions) == {"service", "trigger"}, "exactly those that Telemetry gives a metric"
    assert dimensions["service"] == SERVICE
    modules = TRIGGERS[dimensions["trigger"]]
    counted = _counted()
    assert any(alarm["MetricName"] in counted[module] for module in modules)


def test_the_code_knows_these_triggers_and_no_others() -> None:
    text = "".join(source.read_text() for source in SOURCES.glob("*.py"))
    assert set(re.findall(r'telemetry\.trigger\("([a-z]+)"', text)) == set(TRIGGERS)


@pytest.mark.parametrize("name", _of("AWS/Lambda"))
def test_lambdas_metric_is_the_aliass(resources: Resources, name: str) -> None:
    alarm = _alarms(resources)[name]
    assert alarm["MetricName"] in {"Errors", "Throttles", "Duration"}
    assert _dimensions(alarm) == {
        "FunctionName": {"Ref": "ChatMuteFunction"},
        "Resource": {"Fn::Sub": "${ChatMuteFunction}:live"},
    }
    assert resources["ChatMuteFunctionAliaslive"]["Properties"]["Name"] == "live"


def test_the_slowest_may_take_four_fifths_of_the_time(resources: Resources) -> None:
    timeout = resources["ChatMuteFunction"]["Properties"]["Timeout"]
    assert _alarms(resources)["FunctionDurationAlarm"]["Threshold"] == 0.8 * timeout * 1000


@pytest.mark.parametrize("name", _of("AWS/SQS"))
def test_sqs_metric_is_of_a_queue_of_the_stack(resources: Resources, name: str) -> None:
    alarm = _alarms(resources)[name]
    assert alarm["MetricName"] in {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}
    queue, attribute = _dimensions(alarm)["QueueName"]["Fn::GetAtt"]
    assert resources[queue]["Type"] == "AWS::SQS::Queue"
    assert attribute == "QueueName"


def test_every_dead_letter_queue_rings(resources: Resources) -> None:
    depths = [one for one in _alarms(resources).values() if one["MetricName"] == "ApproximateNumberOfMessagesVisible"]
    queues = {_dimensions(alarm)["QueueName"]["Fn::GetAtt"][0] for alarm in depths}
    assert queues == {name for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"} - {"AccountQueue"}


@pytest.mark.parametrize("name", _of("AWS/ApiGateway"))
def test_the_gateways_metric_is_of_this_api_and_stage(resources: Resources, name: str) -> None:
    alarm = _alarms(resources)[name]
    assert alarm["MetricName"] == "5XXError"
    (stage,) = [one["Properties"]["StageName"] for one in resources.values() if one["Type"] == "AWS::ApiGateway::Stage"]
    api = resources["Api"]["Properties"]
    named = api.get("Name") or api["Body"]["info"]["title"]
    assert _dimensions(alarm) == {"ApiName": named, "Stage": stage}


def test_there_is_no_other_kind_of_alarm(resources: Resources) -> None:
    kinds = {alarm["Namespace"] for alarm in _alarms(resources).values()}
    assert kinds == {NAMESPACE, "AWS/Lambda", "AWS/SQS", "AWS/ApiGateway"}


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, []),
        ({"AlarmEmail": "ops@example.com"}, [{"Ref": "AlarmTopic"}]),
        ({"AlarmTopicArn": TOPIC}, [{"Ref": "AlarmTopicArn"}]),
        (
            {"AlarmEmail": "ops@example.com", "AlarmTopicArn": TOPIC},
            [{"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}],
        ),
    ],
)
def test_whoever_is_named_is_told(translated: dict[str, Any], parameters: dict[str, str], told: list[Any]) -> None:
    resources = applied(translated, parameters)
    assert ("AlarmTopic" in resources) == ("AlarmEmail" in parameters)
    for alarm in _alarms(resources).values():
        assert alarm["AlarmActions"] == told
        assert alarm["OKActions"] == told


def test_silence_is_a_fault_of_the_tick_alone_and_only_while_it_is_on(translated: dict[str, Any]) -> None:
    for state, missing in (("ENABLED", "breaching"), ("DISABLED", "notBreaching")):
        alarms = _alarms(applied(translated, {"TickState": state}))
        assert alarms.pop("TickMissingAlarm")["TreatMissingData"] == missing
        assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}


def test_every_alarm_says_what_to_do(resources: Resources) -> None:
    cell = r"((?:[^|\\]|\\.)+)"
    text = (ROOT / "docs" / "alarms.md").read_text()
    rows = re.findall(rf"^\| `(\w+)` \|{cell}\|{cell}\|$", text, re.MULTILINE)
    assert {name for name, _means, _do in rows} == set(_alarms(resources))
    assert all(len(means.strip()) > 20 and len(do.strip()) > 20 for _name, means, do in rows)
    assert all(alarm["AlarmDescription"] for alarm in _alarms(resources).values())


def _widgets(resources: Resources) -> list[dict[str, Any]]:
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def _lines(resources: Resources) -> list[list[Any]]:
    return [line for widget in _widgets(resources) for line in widget["properties"].get("metrics", [])]


def test_the_dashboard_shows_business_first(resources: Resources) -> None:
    top = [widget for widget in _widgets(resources) if widget["y"] == 0]
    assert [widget["properties"]["title"] for widget in top] == [
        "Chats muted and unmuted", "Accounts looked at", "Chats that should be audible and are not",
    ]  # fmt: skip
    assert {line[0] for widget in top for line in widget["properties"]["metrics"]} == {NAMESPACE}


def test_the_dashboard_shows_what_is_counted(resources: Resources) -> None:
    counted = _counted()
    for changes in ("muting.py", "look.py"):  # by Telemetry.changed
        counted[changes] |= {"ChatMuted", "ChatUnmuted"}
    for namespace, metric, *dimensions, _look in _lines(resources):
        named = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
        if namespace == NAMESPACE:
            assert set(named) == {"service", "trigger"}
            assert any(metric in counted[module] for module in TRIGGERS[named["trigger"]]), metric


def test_the_dashboard_shows_every_alarm(resources: Resources) -> None:
    (widget,) = [widget for widget in _widgets(resources) if widget["type"] == "alarm"]
    names = {arn.removeprefix("${").removesuffix(".Arn}") for arn in widget["properties"]["alarms"]}
    assert names == set(_alarms(resources))
