"""What EventBridge invokes the function with: payloads of people's schedules, and ticks. And what nobody sends."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bitrix24.errors import Bitrix24Error
from chat_mute.errors import InvalidParameter, UnknownEvent
from local import virtual
from local.portal import Fault
from local.virtual import ACCOUNT_DEAD, STATE
from tests.unit.function.conftest import Lines
from tests.unit.function.events import EVENTBRIDGE, S3
from tests.unit.function.office import HAND, HOST, PRIVATE, Office, at

ARN = "arn:aws:scheduler:eu-west-1:000000000000:schedule"
AT = "2026-03-03T11:55:00Z"
RUN = {"schedule": f"{ARN}/default/lunch", "at": AT}
LUNCH = {"account": "default", "DIALOG_ID": "chat1", "MUTE": "Y"}


# ---- a schedule's mute for a time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "until"),
    [
        ({"FOR": "PT1H"}, "2026-03-03T12:55:00Z"),
        ({"for": "P1D"}, "2026-03-04T11:55:00Z"),
        ({"FOR": "P366D"}, "2027-03-04T11:55:00Z"),
        ({"UNTIL": "2026-03-03T13:00:00+01:00"}, None),
        ({"UNTIL": "2026-03-03T14:00+01:00"}, "2026-03-03T13:00:00Z"),
    ],
)
def test_for_counts_from_when_the_schedule_was_due(office: Office, terms: dict[str, str], until: str | None) -> None:
    answer = office.invoke({**LUNCH, **RUN, **terms, "REASON": "lunch"})
    if until is None:
        assert answer == {"result": False}
        return
    assert (answer["result"], answer["until"]) == (True, until)
    assert office.chat(1)["holds"] == [{"owner": "schedule:lunch", "until": until, "reason": "lunch"}]
    office.go(at("2026-03-03 12:00") if until > "2026-03-04" else at("2026-03-03 13:00"))
    assert (1 in office.muted) is (until > "2026-03-04")


def test_without_a_run_for_counts_from_now(office: Office) -> None:
    assert office.invoke({**LUNCH, "FOR": "PT1H"})["until"] == "2026-03-03T13:00:00Z"
    assert office.owners() == {"schedule:direct": "2026-03-03T13:00:00Z"}


@pytest.mark.parametrize(
    "terms",
    [
        {**RUN, "FOR": "PT5M"},
        {**RUN, "FOR": "PT1S"},
        {**RUN, "UNTIL": "2026-03-03T12:00:00Z"},
        {"UNTIL": "2026-03-03T12:00:00Z"},
        {"UNTIL": "2020-01-01T00:00:00Z"},
    ],
)
def test_an_end_that_is_past_does_nothing_and_is_no_failure(
    office: Office, terms: dict[str, str], lines: Lines
) -> None:
    with office.cost() as cost:
        assert office.invoke({**LUNCH, **terms}) == {"result": False}
    assert (cost.writes, cost.portal, office.letters()) == (0, [], [])
    assert lines()[-1]["message"] == "past its end"
    assert office.muted == {HAND}


@pytest.mark.parametrize(
    ("schedule", "owner"),
    [
        (f"{ARN}/default/lunch", "schedule:lunch"),
        (f"{ARN}/team-a/lunch", "schedule:team-a/lunch"),
        ("lunch", "schedule:lunch"),
        ("arn:aws:events:eu-west-1:1:rule/lunch", "schedule:arn:aws:events:eu-west-1:1:rule/lunch"),
    ],
)
def test_the_owner_is_the_schedule_by_its_name(office: Office, schedule: str, owner: str) -> None:
    office.invoke({**LUNCH, "schedule": schedule, "at": AT, "FOR": "PT1H"})
    assert office.owners().keys() == {owner}


def test_a_schedule_replaces_its_own_former_end_and_adds_to_those_of_others(office: Office) -> None:
    office.invoke({**LUNCH, **RUN, "FOR": "PT3H"})
    office.invoke({**LUNCH, **RUN, "at": "2026-03-03T12:00:00Z", "FOR": "PT1H"})
    office.mute(1, FOR="PT2H")
    assert sorted(office.owners().values()) == ["2026-03-03T13:00:00Z", "2026-03-03T14:00:00Z"]


def test_a_run_delivered_twice_is_done_once_and_prolongs_nothing(office: Office) -> None:
    first = office.invoke({**LUNCH, **RUN, "FOR": "PT1H"})
    office.mute(1, MUTE="N")
    office.stack.new_process()
    with office.cost() as cost:
        assert office.invoke({**LUNCH, **RUN, "at": "2026-03-03T12:55:00+01:00", "FOR": "PT60M"}) == first
    assert cost.portal == []
    assert office.muted == {HAND}, "an old mute delivered again does not mute"


def test_a_second_run_that_asks_otherwise_under_the_same_name_and_time_is_put_aside(office: Office) -> None:
    office.invoke({**LUNCH, **RUN, "FOR": "PT1H"})
    answer = office.invoke({**LUNCH, **RUN, "FOR": "PT2H"})
    assert answer["error"] == "IDEMPOTENCY_KEY_REUSED"
    assert [letter["error"] for letter in office.letters()] == ["IDEMPOTENCY_KEY_REUSED"]


def test_a_plain_payload_unmutes_explicitly_and_people_win(office: Office) -> None:
    office.put("night", "11:00-13:00")
    office.go("2026-03-03 12:01")
    assert office.invoke({**LUNCH, **RUN, "MUTE": "N"})["result"] is True
    office.go("2026-03-03 12:30")
    assert office.muted == {HAND, 3, 4, 5, PRIVATE}
    assert office.chat(1)["overridden_until"] == "2026-03-03T13:00:00Z"


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"FOR": "P1M"}, "INVALID_PARAMETER", "FOR: "),
    ({"FOR": "PT0S"}, "INVALID_PARAMETER", "FOR: "),
    ({"FOR": "P367D"}, "INVALID_PARAMETER", "FOR: "),
    ({"UNTIL": "tomorrow"}, "INVALID_PARAMETER", "UNTIL: "),
    ({"UNTIL": "2028-01-01T00:00:00Z"}, "INVALID_PARAMETER", "UNTIL: "),
    ({"UNTIL": "2026-03-03T18:00:00Z", "FOR": "PT1H"}, "INVALID_PARAMETER", "UNTIL, FOR: "),
    ({"MUTE": "N", "FOR": "PT1H"}, "INVALID_PARAMETER", "FOR: "),
    ({"REASON": "a\nb"}, "INVALID_PARAMETER", "REASON: "),
    ({"ACTION": "x"}, "INVALID_PARAMETER", "ACTION: "),
    ({"CHAT_ID": 1}, "INVALID_PARAMETER", "CHAT_ID, DIALOG_ID: "),
    ({"DIALOG_ID": "042"}, "DIALOG_ID_EMPTY", "DIALOG_ID: "),
    ({"mute": "Y"}, "INVALID_PARAMETER", ""),
    ({"at": None}, "INVALID_PARAMETER", "schedule, at: "),
    ({"schedule": None}, "INVALID_PARAMETER", "schedule, at: "),
    ({"at": "<aws.scheduler.scheduled-time>"}, "INVALID_PARAMETER", "at: "),
    ({"schedule": ""}, "INVALID_PARAMETER", "schedule: "),
    ({"schedule": 7}, "INVALID_PARAMETER", "schedule: "),
    ({"schedule": "x" * 513}, "INVALID_PARAMETER", "schedule: "),
    ({"account": 7}, "INVALID_PARAMETER", "account: "),
    ({"account": "nobody"}, "ACCOUNT_NOT_FOUND", ""),
    ({"account": "Default"}, "ACCOUNT_NOT_FOUND", ""),
    ({"DIALOG_ID": "chat4711"}, "ACCESS_ERROR", ""),
    ({"DIALOG_ID": "chat4711", "FOR": "PT1H"}, "ACCESS_ERROR", ""),
]


@pytest.mark.parametrize(("fields", "code", "description"), BAD)
def test_a_payload_that_can_never_succeed_is_put_aside_with_the_reason(
    office: Office, fields: dict[str, Any], code: str, description: str
) -> None:
    payload = {**LUNCH, **RUN, **fields}
    answer = office.invoke(payload)
    assert answer["error"] == code
    assert answer["error_description"].startswith(description)
    assert office.letters() == [{"payload": payload, **answer}]
    assert office.muted == {HAND}


def test_an_end_that_is_to_come_makes_no_sense_with_mute_n_and_is_put_aside(office: Office) -> None:
    answer = office.invoke({**LUNCH, **RUN, "MUTE": "N", "UNTIL": "2026-03-03T18:00:00Z"})
    assert answer["error"] == "INVALID_PARAMETER"
    assert len(office.letters()) == 1


@pytest.mark.parametrize("terms", [{}, {"FOR": "PT1H"}])
@pytest.mark.parametrize(
    "fault", [Fault.html(502), Fault.reset_before_effect(), Fault.error("OVERLOAD_LIMIT", status=503)],
    ids=lambda fault: fault.name,
)  # fmt: skip
def test_a_failure_that_may_pass_is_raised_and_lambdas_retry_succeeds(
    office: Office, fault: Fault, terms: dict[str, str]
) -> None:
    office.portal.faults.add(fault, times=None)
    with pytest.raises(Bitrix24Error):
        office.invoke({**LUNCH, **RUN, **terms})
    assert office.letters() == []
    office.portal.faults.clear()
    office.stack.clock.seconds += 900
    assert office.invoke({**LUNCH, **RUN, **terms})["result"] is True
    assert 1 in office.muted


def test_a_webhook_in_a_payload_is_put_aside_without_its_code(office: Office) -> None:
    url = "https://portal.example/rest/503/c0de5ecret999/"
    office.invoke({**LUNCH, "REASON": url, "UNTIL": url})
    office.invoke({**LUNCH, "WEBHOOK": url})
    assert len(office.letters()) == 2  # what is in them is looked at for every test


# ---- ticks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tick",
    [
        "", "now", "2026-03-03", "2026-03-03T12:00:00", "2026-03-03 12:00:00Z", "<aws.scheduler.scheduled-time>",
        None, 7, True, [], {}, "2026-03-03T25:00:00Z",
    ],
)  # fmt: skip
def test_a_tick_that_is_no_instant_is_raised(office: Office, tick: Any) -> None:
    office.put("night", "11:00-13:00")
    with pytest.raises(InvalidParameter, match="tick: must be a time"):
        office.invoke({"tick": tick})
    assert not office.stack.deliver()


def test_a_tick_with_more_in_it_is_raised(office: Office) -> None:
    with pytest.raises(InvalidParameter, match="at: unknown field"):
        office.invoke({"tick": AT, "at": AT})


@pytest.mark.parametrize(
    ("ahead", "taken"), [(-86_400, True), (0, True), (119, True), (120, True), (121, False), (86_400, False)]
)
def test_a_tick_may_be_120_seconds_ahead_of_the_clock(office: Office, ahead: int, taken: bool) -> None:
    office.put("night", "11:00-13:00")
    tick = {"tick": (office.stack.clock.now() + timedelta(seconds=ahead)).isoformat()}
    if taken:
        assert office.invoke(tick) == {"queued": 1}
        assert office.invoke(tick) == {"queued": 0}, "leased"
        return
    with pytest.raises(InvalidParameter, match="120 s ahead"):
        office.invoke(tick)
    assert not office.stack.deliver()
    assert office.stack.tick() == 1, "nothing was leased"


def test_each_tick_says_that_schedules_raised_nothing_and_each_look_what_is_quiet(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """An alarm takes what schedules raise off Lambda's errors, and needs a number; the dashboard shows the others."""
    office.put("night", "13:00-14:00")
    office.go("2026-03-03 13:00")
    capsys.readouterr()
    office.stack.minute(at("2026-03-03 13:15"))
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    (none,) = [one for one in said if "Raised" in one]
    assert (none["Raised"], none["trigger"], none["service"]) == ([0.0], "schedule", "quiet-hours")
    (look,) = [one for one in said if one["trigger"] == "queue"]
    assert (look["WindowsOpen"], look["ChatsHeld"]) == ([1.0], [len(office.ok("GET", "holds")["holds"])])


def test_with_time_travel_a_whole_night_is_played_at_noon(office: Office) -> None:
    office.stack.environment["ALLOW_TIME_TRAVEL"] = "true"
    office.stack.new_process()
    office.put("night", "22:00-07:00")
    for moment, quiet in (
        ("2026-03-03 12:00", False),
        ("2026-03-03 22:00", True),
        ("2026-03-04 06:59", True),
        ("2026-03-04 07:00", False),
        ("2026-03-04 22:00", True),
    ):
        office.stack.tick(at(moment))
        office.stack.work()
        assert (office.muted == {1, 2, 3, 4, 5, PRIVATE}) is quiet, moment
    assert office.stack.clock.now() < at("2026-03-03 12:05")


def test_an_idle_tick_is_one_query_and_queues_nobody(office: Office) -> None:
    for number in range(20):
        office.put(f"p{number}")
    office.go("2026-03-03 12:01")
    office.stack.queues.calls.clear()
    with office.cost() as cost:
        assert office.stack.tick() == 0
    assert cost.all == (1, 0, [])
    assert office.stack.queues.calls == {}


def test_every_account_that_is_due_is_queued_once_and_each_portal_is_one_group(office: Office) -> None:
    for number in range(25):
        office.add_account(f"a{number}")
        office.call("PUT", "quiet-hours/night", {**NIGHT}, account=f"a{number}")
    assert office.stack.tick() == 25
    assert office.stack.tick() == 0
    found = office.stack.queues.receive_message(
        QueueUrl=virtual.ACCOUNTS, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"], VisibilityTimeout=0
    )
    assert {message["Attributes"]["MessageGroupId"] for message in found["Messages"]} == {HOST}


NIGHT = {
    "timezone": "UTC",
    "windows": [{"days": ["tue"], "start": "22:00", "end": "23:00"}],
    "chats": {"only": ["chat1"]},
}


# ---- what nobody sends ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event", [EVENTBRIDGE, S3, {}, {"x": 1}, [], None, "tick", {"httpMethod": "GET"}, {"Records": [7]}, {"records": []}]
)
def test_an_unknown_event_is_raised_and_nothing_is_done(office: Office, event: Any) -> None:
    with pytest.raises(UnknownEvent):
        office.invoke(event)
    assert office.stack.dynamodb.items(STATE) == []
    assert office.letters() == []


def test_a_message_of_the_queue_about_an_account_with_nothing_due_does_nothing(office: Office) -> None:
    with office.cost() as cost:
        office.stack.handle('{"account": "default", "at": "2026-03-03T12:00:00Z"}')
    assert cost.all == (1, 0, [])


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"account": "default"}', '{"account": "default", "at": "x"}'])
def test_a_message_that_is_none_of_ours_is_raised_for_the_dead_letter_queue(office: Office, body: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, InvalidParameter)):
        office.stack.handle(body)


def test_a_message_that_kills_its_worker_five_times_is_put_aside(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.put("night", "11:00-13:00")
    assert office.stack.tick() == 1
    monkeypatch.setattr(office.stack.dynamodb, "get_item", dies)
    for _ in range(5):
        with pytest.raises(RuntimeError, match="killed"):
            office.stack.deliver()
        office.stack.clock.seconds += virtual.LAMBDA_SECONDS + 31
    assert not office.stack.deliver()
    assert [letter["account"] for letter in office.letters(ACCOUNT_DEAD)] == ["default"]
    monkeypatch.undo()
    office.go("2026-03-03 12:59")
    assert office.muted == {1, 2, 3, 4, 5, PRIVATE}, "its account stays due"


def dies(**_: Any) -> None:
    raise RuntimeError("killed")
