"""Every alarm watches something that is really counted, tells somebody, and is explained."""

import json
import re
from typing import Any

import pytest

from chat_mute.observability import NAMESPACE
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
    "unknown": {"app.py"},
}
"""By trigger, the modules that count for it."""

TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"


def _alarms(resources: Resources) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}


def counted() -> dict[str, set[str]]:
    """By trigger: the metrics that are counted for it."""
    found: dict[str, set[str]] = {}
    for trigger, modules in TRIGGERS.items():
        text = "".join((SOURCES / module).read_text() for module in modules)
        calls = re.findall(r"telemetry\.count\(([^)]*)", text)
        found[trigger] = {name for call in calls for name in re.findall(r'"([A-Za-z]+)"', call)} | {"Raised"}
        if "telemetry.changed(" in text:
            found[trigger] |= {"ChatMuted", "ChatUnmuted"}
    return found


def _metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm watches, one or several that it calculates with."""
    several = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    return several or [alarm]


def _dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    return {one["Name"]: one["Value"] for one in alarm["Dimensions"]}


def _of(namespace: str) -> list[Any]:
    """Each metric of that namespace that an alarm watches."""
    resources: Resources = read_template()["Resources"]  # type: ignore[assignment]
    return [
        pytest.param(name, metric, id=name)
        for name, alarm in _alarms(resources).items()
        for metric in _metrics(alarm)
        if metric["Namespace"] == namespace
    ]


@pytest.mark.parametrize(("name", "metric"), _of(NAMESPACE))
def test_our_own_metric_is_counted_under_that_trigger(resources: Resources, name: str, metric: dict[str, Any]) -> None:
    dimensions = _dimensions(metric)
    assert set(dimensions) == {"service", "trigger"}, "exactly those that Telemetry gives a metric"
    variables = resources["ChatMuteFunction"]["Properties"]["Environment"]["Variables"]
    assert dimensions["service"] == variables["STACK"] == {"Ref": "AWS::StackName"}
    assert metric["MetricName"] in counted()[dimensions["trigger"]]


def test_the_code_knows_these_triggers_and_no_others() -> None:
    text = "".join(source.read_text() for source in SOURCES.glob("*.py"))
    assert set(re.findall(r'telemetry\.trigger\("([a-z]+)"', text)) == set(TRIGGERS)


@pytest.mark.parametrize(("name", "alarm"), _of("AWS/Lambda"))
def test_lambdas_metric_is_the_aliass(resources: Resources, name: str, alarm: dict[str, Any]) -> None:
    assert alarm["MetricName"] in {"Errors", "Throttles", "Duration"}
    assert _dimensions(alarm) == {
        "FunctionName": {"Ref": "ChatMuteFunction"},
        "Resource": {"Fn::Sub": "${ChatMuteFunction}:live"},
    }
    assert resources["ChatMuteFunctionAliaslive"]["Properties"]["Name"] == "live"


def test_the_slowest_may_take_four_fifths_of_the_time(resources: Resources) -> None:
    timeout = resources["ChatMuteFunction"]["Properties"]["Timeout"]
    assert _alarms(resources)["FunctionDurationAlarm"]["Threshold"] == 0.8 * timeout * 1000


@pytest.mark.parametrize(("name", "alarm"), _of("AWS/SQS"))
def test_sqs_metric_is_of_a_queue_of_the_stack(resources: Resources, name: str, alarm: dict[str, Any]) -> None:
    assert alarm["MetricName"] in {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}
    queue, attribute = _dimensions(alarm)["QueueName"]["Fn::GetAtt"]
    assert resources[queue]["Type"] == "AWS::SQS::Queue"
    assert attribute == "QueueName"


def test_every_dead_letter_queue_rings(resources: Resources) -> None:
    depths = [
        one for one in _alarms(resources).values() if one.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    ]
    queues = {_dimensions(alarm)["QueueName"]["Fn::GetAtt"][0] for alarm in depths}
    assert queues == {name for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"} - {"AccountQueue"}


@pytest.mark.parametrize(("name", "alarm"), _of("AWS/ApiGateway"))
def test_the_gateways_metric_is_of_this_api_and_stage(resources: Resources, name: str, alarm: dict[str, Any]) -> None:
    assert alarm["MetricName"] == "5XXError"
    (stage,) = [one["Properties"]["StageName"] for one in resources.values() if one["Type"] == "AWS::ApiGateway::Stage"]
    api = resources["Api"]["Properties"]
    named = api.get("Name") or api["Body"]["info"]["title"]
    assert _dimensions(alarm) == {"ApiName": named, "Stage": stage}


def test_there_is_no_other_kind_of_alarm(resources: Resources) -> None:
    kinds = {metric["Namespace"] for alarm in _alarms(resources).values() for metric in _metrics(alarm)}
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


def test_a_schedule_whose_portal_is_down_is_no_fault_of_the_function(resources: Resources) -> None:
    """Lambda counts what it raises for Lambda to repeat; the alarm takes it off, where it has been told of any.

    Each tick says there was none. Where none comes, for they are off or the function does not start, the difference
    would be missing data, and the alarm silent.
    """
    alarm = _alarms(resources)["FunctionErrorAlarm"]
    metrics = {one["Id"]: one.get("MetricStat", {}).get("Metric") for one in alarm["Metrics"]}
    expressions = [one["Expression"] for one in alarm["Metrics"] if one.get("ReturnData", True)]
    assert expressions == ["errors - FILL(schedules, 0)"]
    assert (metrics["errors"]["Namespace"], metrics["errors"]["MetricName"]) == ("AWS/Lambda", "Errors")
    assert (metrics["schedules"]["MetricName"], _dimensions(metrics["schedules"])["trigger"]) == ("Raised", "schedule")
    assert {one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one} == {300}


@pytest.mark.parametrize(("expression", "silence"), [("rate(1 minute)", 300), ("rate(5 minutes)", 900)])
def test_the_heartbeats_periods_each_hold_a_tick(translated: dict[str, Any], expression: str, silence: int) -> None:
    alarm = _alarms(applied(translated, {"TickExpression": expression}))["TickMissingAlarm"]
    minutes = int(re.findall(r"\d", expression)[0])
    assert alarm["Period"] >= 60 * minutes
    assert alarm["Period"] * alarm["EvaluationPeriods"] == silence
    pattern = translated["Parameters"]["TickExpression"]["AllowedPattern"]
    assert re.fullmatch(pattern, expression)
    assert not [one for one in ("rate(6 minutes)", "cron(* * * * ? *)", "rate(1 hour)") if re.fullmatch(pattern, one)]


def test_refused_mutes_ring_for_nobody_while_nothing_is_muted(translated: dict[str, Any]) -> None:
    for mode, rings in (("NORMAL", True), ("RELEASE_ONLY", False)):
        assert _alarms(applied(translated, {"Mode": mode}))["ApiServerErrorAlarm"]["ActionsEnabled"] is rings


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
        "Quiet now", "Chats muted and unmuted", "Overdue: should be audible and are not",
    ]  # fmt: skip
    assert {line[0] for widget in top for line in widget["properties"]["metrics"]} == {NAMESPACE}


def test_the_dashboard_shows_what_is_counted(resources: Resources) -> None:
    by_trigger = counted()
    for namespace, metric, *dimensions, _look in _lines(resources):
        named = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
        if namespace == NAMESPACE:
            assert set(named) == {"service", "trigger"}
            assert named["service"] == "${AWS::StackName}"
            assert metric in by_trigger[named["trigger"]], metric


def test_the_dashboard_shows_every_alarm(resources: Resources) -> None:
    (widget,) = [widget for widget in _widgets(resources) if widget["type"] == "alarm"]
    names = {arn.removeprefix("${").removesuffix(".Arn}") for arn in widget["properties"]["alarms"]}
    assert names == set(_alarms(resources))
