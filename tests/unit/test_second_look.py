"""What a second reader found in quiet hours, kept as tests."""

import json
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aws_lambda_powertools.warnings import PowertoolsUserWarning

from bitrix24.errors import PortalTimeout
from local.inmemory import errors as aws
from local.portal import Fault
from local.virtual import ACCOUNTS, CALLER, IDEMPOTENCY, STATE
from tests.unit.test_semantics import ANN, BEN, HOST, Night, at, holds

Act = Callable[[], Any]


@pytest.fixture
def night() -> Night:
    return Night(at("2026-03-03 11:00"))


def meanwhile(night: Night, part: bytes, act: Act, *, after: bool = False) -> None:
    """While a request with ``part`` in its body is on its way, before or after it took effect, something else happens.

    That is another Lambda's doing; here both share Powertools' metrics, which notices.
    """
    post = night.stack.transport.post
    acted: list[bool] = []

    def happen() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PowertoolsUserWarning)
            act()

    def slow(url: str, body: bytes, *args: Any, **kwargs: Any) -> Any:
        mine = part in body and not acted
        if mine:
            acted.append(True)
            if not after:
                happen()
        reply = post(url, body, *args, **kwargs)
        if mine and after:
            happen()
        return reply

    night.stack.transport.post = slow  # type: ignore[method-assign]


# ---- who spoke last to the portal -----------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
def test_an_unmute_while_the_window_is_being_muted_wins(night: Night, after: bool) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    meanwhile(night, b"im.chat.mute", lambda: night.mute(1, "N"), after=after)
    night.go("2026-03-03 18:05")
    assert night.muted == {2, 3, 4, 9}
    night.go("2026-03-04 12:00")
    assert night.muted == {2}


def test_an_unmute_while_a_callers_mute_is_on_its_way_is_not_lost(night: Night) -> None:
    meanwhile(night, b'"MUTE": "Y"', lambda: night.mute(1, "N"))
    night.mute(1, FOR="PT8H")
    night.go("2026-03-03 11:05")
    assert night.muted == {2}
    assert holds(night) == []


def test_a_callers_mute_while_the_chat_is_being_released_is_not_lost(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    meanwhile(night, b"MUTE=N", lambda: night.mute(1, FOR="PT5H"))
    night.go("2026-03-04 07:05")
    assert night.muted == {1, 2}
    night.go("2026-03-04 12:01")
    assert night.muted == {2}


def test_a_lasting_mute_overtaken_by_the_look_at_the_windows_end_stays(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.stack.clock.set(at("2026-03-04 06:59"))

    def window_ends() -> None:
        night.stack.minute(at("2026-03-04 07:00"))

    meanwhile(night, b'"MUTE": "Y"', window_ends, after=True)
    night.mute(1)
    night.go("2026-03-04 08:00")
    assert night.muted == {1, 2}


@pytest.mark.parametrize("after", [False, True])
def test_a_lasting_mute_while_the_chat_is_being_released_stays(night: Night, after: bool) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    meanwhile(night, b"MUTE=N", lambda: night.mute(1), after=after)
    night.go("2026-03-04 07:30")
    assert night.muted == {1, 2}
    assert holds(night) == []


def test_an_unmute_overtakes_a_mute_whose_answer_is_lost(night: Night) -> None:
    meanwhile(night, b'"MUTE": "Y"', lambda: night.mute(1, "N"))
    night.portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=4, params={"MUTE": "Y"})
    answer = night.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1, "FOR": "PT8H"})
    assert answer.status == 502
    night.portal.faults.clear()
    night.go("2026-03-03 11:30")
    assert night.muted == {2}
    assert holds(night) == []


def test_a_lasting_mute_of_what_a_person_unmuted_stays_at_the_callers_end(night: Night) -> None:
    night.mute(1, FOR="PT2H")
    night.portal.mute_by_hand(ANN, 1, muted=False)
    night.mute(1)
    night.go("2026-03-03 15:00")
    assert night.muted == {1, 2}


def test_trouble_at_a_windows_start_is_no_rest(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    night.portal.faults.add(Fault.error("OVERLOAD_LIMIT", status=503), method="batch", times=1)
    night.go("2026-03-03 18:01")
    night.portal.faults.clear()
    key = {"pk": {"S": "account#default"}, "sk": {"S": "account"}}
    item = night.stack.dynamodb.get_item(TableName=STATE, Key=key)["Item"]
    assert "active" in item, "a window runs, though nothing is held yet"


# ---- what may have been done ----------------------------------------------------------------------------------------


def test_a_mute_that_an_earlier_try_may_have_made_is_not_taken_back(night: Night) -> None:
    night.portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=1)
    night.portal.faults.add(Fault.error("QUERY_LIMIT_EXCEEDED", status=503), method="im.chat.mute", times=None)
    answer = night.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1, "FOR": "PT2H"})
    assert answer.status == 503
    night.portal.faults.clear()
    night.go("2026-03-03 13:05")
    assert night.muted == {2}


def test_a_mute_that_was_surely_refused_leaves_nothing(night: Night) -> None:
    night.portal.faults.add(Fault.error("OPERATION_TIME_LIMIT", status=429), method="im.chat.mute", times=None)
    assert night.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1, "FOR": "PT2H"}).status == 503
    assert holds(night) == []


# ---- people win -----------------------------------------------------------------------------------------------------


def test_an_unmute_by_hand_holds_over_windows_that_follow_each_other(night: Night) -> None:
    night.put("evening", "19:00-22:00")
    night.put("late", "22:00-08:00")
    night.go("2026-03-03 20:46")
    night.portal.mute_by_hand(ANN, 1, muted=False)
    night.stack.minute(at("2026-03-03 21:00"))
    night.go("2026-03-04 06:59")
    assert 1 not in night.muted


def as_the_window_begins(night: Night, part: bytes) -> None:
    """It is a second before the window; it begins while a request is on its way."""
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    night.stack.clock.set(at("2026-03-03 17:59") + timedelta(seconds=59))

    def window_begins() -> None:
        night.stack.clock.set(at("2026-03-03 18:00") + timedelta(seconds=1))
        night.stack.minute()

    meanwhile(night, part, window_begins)


def test_a_lasting_mute_on_its_way_when_the_window_begins_stays(night: Night) -> None:
    as_the_window_begins(night, b'"MUTE": "Y"')
    night.mute(1)
    night.go("2026-03-04 12:00")
    assert night.muted == {1, 2}


def test_an_unmute_that_meets_a_window_as_it_begins_is_one_inside_it(night: Night) -> None:
    as_the_window_begins(night, b'"MUTE": "N"')
    night.mute(1, "N")
    night.go("2026-03-04 06:59")
    assert night.muted == {2, 3, 4, 9}


@pytest.mark.parametrize("method", ["im.dialog.get", "profile"])
def test_an_unmute_is_done_also_where_the_chat_cannot_be_read(night: Night, method: str) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.portal.faults.add(Fault.error("OPERATION_TIME_LIMIT", status=429), method=method, in_batch=True, times=None)
    night.mute(1, "N")
    night.portal.faults.clear()
    assert 1 not in night.muted
    night.go("2026-03-04 06:59")
    assert 1 not in night.muted


@pytest.mark.parametrize("method", ["im.dialog.get", "profile"])
def test_an_unmute_holds_also_of_a_new_chat_that_cannot_be_read(night: Night, method: str) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.portal.add_chat(5, members=[ANN, BEN], title="Deal 5")
    night.portal.faults.add(Fault.error("OPERATION_TIME_LIMIT", status=429), method=method, in_batch=True, times=None)
    night.mute(5, "N")
    night.portal.faults.clear()
    night.go("2026-03-04 06:59")
    assert 5 not in night.muted
    night.go("2026-03-04 18:05")
    assert 5 in night.muted, "the next window mutes it"


# ---- fail open, and loudly ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [b"im.recent.list", b"im.dialog.get"])
def test_releases_do_not_wait_for_what_hangs(night: Night, method: bytes) -> None:
    night.put("night", "19:00-08:00", chats={"only": ["chat1", "chat3", "chat4711"]})
    night.go("2026-03-03 18:00")
    assert night.muted == {1, 2, 3}
    post = night.stack.transport.post

    def hang(url: str, body: bytes, time_left: Any, *args: Any, **kwargs: Any) -> Any:
        if method in body:
            night.stack.clock.seconds += max(0.0, time_left())
            raise PortalTimeout
        return post(url, body, time_left, *args, **kwargs)

    night.stack.transport.post = hang  # type: ignore[method-assign]
    night.stack.minute(at("2026-03-04 07:00"))
    assert night.muted == {2}


def overdue(said: str) -> list[float]:
    return [json.loads(line)["ReleaseOverdue"][0] for line in said.splitlines() if '"ReleaseOverdue"' in line]


@pytest.mark.parametrize("how", ["the window ends", "the policy is removed", "a caller's end"])
def test_what_is_to_be_released_is_tried_every_minute_while_the_portal_is_down(night: Night, how: str) -> None:
    if how == "a caller's end":
        night.mute(1, UNTIL="2026-03-04T07:00:00Z")
    else:
        night.put("night", "19:00-08:00")
    night.go("2026-03-04 06:59")
    assert 1 in night.muted
    if how == "the policy is removed":
        night.call("DELETE", "quiet-hours/night")
    night.portal.faults.add(Fault.html(502), times=None)
    night.go("2026-03-04 10:00")
    assert 1 in night.muted
    night.portal.faults.clear()
    night.go("2026-03-04 10:02")
    assert night.muted == {2}


def test_releases_that_meet_a_full_bucket_again_and_again_are_counted(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    night.put("night", "19:00-08:00", chats={"only": ["chat1"]})
    night.go("2026-03-03 18:00")
    night.portal.faults.add(
        Fault.error("QUERY_LIMIT_EXCEEDED", status=503), method="im.chat.mute", in_batch=True, times=None
    )
    night.go("2026-03-04 07:20")
    assert overdue(capsys.readouterr().out)
    night.portal.faults.clear()
    night.go("2026-03-04 07:30")
    assert night.muted == {2}


def test_another_users_holds_are_counted_and_released_when_their_secret_is_back(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.webhook(user=BEN)
    night.stack.new_process()
    night.go("2026-03-04 08:00")
    assert max(overdue(capsys.readouterr().out)) == 4
    assert night.call("DELETE", "holds") == {"releasing": 0}, "they are not his"
    night.webhook(user=ANN)
    night.stack.new_process()
    night.go("2026-03-04 08:20")
    assert night.muted == {2}


def test_a_portal_that_has_moved_takes_its_holds_along(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.stack.portals["new.example"] = night.stack.portals.pop(HOST)
    code = night.portal.webhook_of(ANN).code
    night.stack.put_account("default", {"webhook_url": f"https://new.example/rest/{ANN}/{code}/"})
    night.stack.new_process()
    assert night.stack.invoke({"moved": "default", "portal": HOST}) == {"moved": 5}
    night.go("2026-03-04 07:05")
    assert night.muted == {2}
    assert holds(night) == []


def test_one_policy_that_cannot_be_read_any_more_holds_up_nothing(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    night.put("night", "19:00-08:00", chats={"only": ["chat1"]})
    night.put("gone", "19:00-08:00", chats={"only": ["chat3"]})
    night.go("2026-03-03 18:00")
    table = night.stack.dynamodb
    key = {"pk": {"S": "account#default"}, "sk": {"S": "policy#gone"}}
    item = table.get_item(TableName=STATE, Key=key)["Item"]
    document = item["document"]["S"].replace("Europe/Berlin", "Europe/Atlantis")
    table.put_item(TableName=STATE, Item={**item, "document": {"S": document}})
    night.stack.minute(at("2026-03-03 18:15"))
    assert night.muted == {1, 2}
    assert '"PolicyUnreadable"' in capsys.readouterr().out
    night.call("DELETE", "quiet-hours/gone")
    night.go("2026-03-04 07:00")
    assert night.muted == {2}


# ---- AWS's bad days -------------------------------------------------------------------------------------------------


def test_a_write_that_meets_a_transaction_is_made_again(night: Night) -> None:
    night.put("night", "19:00-08:00")
    for name in ("update_item", "put_item", "delete_item"):
        quarrel(night, name)
    night.go("2026-03-03 18:00")
    night.mute(1, FOR="PT20H")
    night.go("2026-03-04 07:00")
    assert night.muted == {1, 2}


def quarrel(night: Night, name: str) -> None:
    """Every second call of an operation meets a transaction."""
    operation, calls = getattr(night.stack.dynamodb, name), iter(range(1_000_000))

    def sometimes(**arguments: Any) -> Any:
        if next(calls) % 2 == 0:
            raise aws.failure(aws.TransactionConflictException, "ongoing transaction")
        return operation(**arguments)

    setattr(night.stack.dynamodb, name, sometimes)


def test_what_the_queue_does_not_take_is_queued_by_the_next_tick(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    send = night.stack.queues.send_message_batch

    def down(**_: Any) -> Any:
        raise ConnectionError("SQS is down")

    night.stack.queues.send_message_batch = down  # type: ignore[method-assign]
    for minute in range(25):
        night.stack.clock.set(at("2026-03-03 18:00") + timedelta(minutes=minute))
        with pytest.raises(ConnectionError):
            night.stack.tick()
    night.stack.queues.send_message_batch = send  # type: ignore[method-assign]
    night.stack.minute(at("2026-03-03 18:25"))
    assert night.muted == {1, 2, 3, 4, 9}
    assert not night.stack.queues.receive_message(QueueUrl=ACCOUNTS).get("Messages")


# ---- jobs -----------------------------------------------------------------------------------------------------------


def job(night: Night, **body: Any) -> str:
    return str(night.call("POST", "mutes", body)["job"])


@pytest.mark.parametrize(("then", "muted"), [({"mute": "N"}, {1, 2}), ({"for": "PT8H"}, {2})])
def test_a_job_does_not_undo_what_was_asked_for_after_it(night: Night, then: dict[str, str], muted: set[int]) -> None:
    job = night.call("POST", "mutes", {"chats": ["chat1", "chat2"], **then})["job"]
    night.mute(1, "Y" if muted == {1, 2} else "N")
    night.go("2026-03-03 11:05")
    assert night.muted == muted - ({2} if then == {"mute": "N"} else set())
    told = {one["dialog_id"]: one["error"] for one in night.call("GET", f"jobs/{job}")["outcomes"]}
    assert told == {"chat1": "OVERTAKEN", "chat2": None}


def test_a_job_does_not_undo_what_is_asked_for_while_its_look_reads_the_portal(night: Night) -> None:
    night.call("POST", "mutes", {"chats": ["chat1", "chat3"]})
    night.stack.clock.set(at("2026-03-03 11:01"))
    meanwhile(night, b"im.recent.list", lambda: night.mute(1, "N"))
    night.go("2026-03-03 11:05")
    assert night.muted == {2, 3}


def test_a_job_cancelled_before_its_look_tells_the_portal_leaves_the_records_as_they_were(night: Night) -> None:
    night.mute(1, FOR="PT8H")
    job_id = job(night, chats=["chat1", "chat3"], **{"for": "PT1H"})
    put, cancelled = night.stack.dynamodb.put_item, list[bool]()

    def meanwhile(**arguments: Any) -> Any:
        answer = put(**arguments)
        if arguments["Item"]["sk"]["S"].startswith("hold#") and not cancelled:
            cancelled.append(True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PowertoolsUserWarning)
                night.call("DELETE", f"jobs/{job_id}")
        return answer

    night.stack.dynamodb.put_item = meanwhile  # type: ignore[method-assign]
    night.go("2026-03-03 11:05")
    assert cancelled
    assert night.muted == {1, 2}
    assert [hold["until"] for hold in night.shown(1)["holds"]] == ["2026-03-03T19:00:00Z"]
    night.go("2026-03-03 19:00")
    assert night.muted == {2}


def test_a_jobs_until_adds_up_with_another_callers(night: Night) -> None:
    night.call("POST", "mutes", {"chats": ["chat1"], "for": "PT8H"})
    body = {"CHAT_ID": 1, "FOR": "PT1H"}
    assert night.stack.call("POST", "/default/im.chat.mute", body, caller=f"{CALLER}2").status == 200
    night.go("2026-03-03 11:05")
    assert len(night.owners(1)) == 2


def test_a_job_of_a_broken_account_is_given_up_after_a_day(night: Night) -> None:
    job = night.call("POST", "mutes", {"chats": ["chat1", "chat3"]})["job"]
    night.portal.webhooks.clear()
    night.go("2026-03-04 10:00")
    assert night.call("GET", f"jobs/{job}")["state"] == "queued"
    night.go("2026-03-04 12:00")
    shown = night.call("GET", f"jobs/{job}")
    assert shown["state"] == "done"
    assert shown["counts"] == {"total": 2, "done": 0, "failed": 2}
    assert {one["error"] for one in shown["outcomes"]} == {"INVALID_CREDENTIALS"}
    assert night.due() is None, "nothing is left to look after"


def test_a_job_whose_call_died_is_found_by_its_key(night: Night) -> None:
    body, key = {"chats": ["chat1"], "for": "PT8H"}, {"Idempotency-Key": "deploy-7"}

    def post() -> Any:
        """Once more, when the record of the call before is over, which Powertools tells by the machine's clock."""
        for item in night.stack.dynamodb.items(IDEMPOTENCY):
            night.stack.dynamodb.delete_item(TableName=IDEMPOTENCY, Key={"id": item["id"]})
        return night.stack.call("POST", "/default/mutes", body, key)

    update = night.stack.dynamodb.update_item

    def die(**request: Any) -> Any:
        if request["TableName"] == IDEMPOTENCY:
            raise KeyboardInterrupt
        return update(**request)

    night.stack.dynamodb.update_item = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        post()
    night.stack.dynamodb.update_item = update  # type: ignore[method-assign]
    night.stack.new_process()
    night.stack.clock.set(at("2026-03-03 11:10"))
    first = post()
    jobs = [item for item in night.stack.dynamodb.items(STATE) if item["sk"]["S"].startswith("job#")]
    assert [item["sk"]["S"] for item in jobs] == [f"job#{first.body['job']}"]
    night.stack.clock.set(at("2026-03-05 11:10"))
    assert post().body["job"] != first.body["job"], "a key is kept for a day"


def test_a_job_takes_its_chats_from_a_whole_list_only(night: Night) -> None:
    night.portal.faults.add(Fault.html(502), method="im.recent.list", in_batch=False, times=None)
    night.portal.faults.add(Fault.html(502), method="batch", times=None)
    job_id = job(night, chats={"all": True}, mute="Y")
    night.go("2026-03-03 11:03")
    assert night.call("GET", f"jobs/{job_id}")["state"] == "queued"
    night.portal.faults.clear()
    night.go("2026-03-03 11:30")
    assert night.call("GET", f"jobs/{job_id}")["counts"] == {"total": 5, "done": 5, "failed": 0}
    assert night.muted == {1, 2, 3, 4, 9}


def test_a_chat_that_must_wait_does_not_make_a_job_repeat_the_others(night: Night) -> None:
    failing = {"method": "im.chat.mute", "in_batch": True, "params": {"CHAT_ID": 3}, "times": None}
    night.portal.faults.add(Fault.error("INTERNAL_SERVER_ERROR"), **failing)  # type: ignore[arg-type]
    job_id = job(night, chats=["chat1", "chat3", "chat4"], mute="Y")
    night.go("2026-03-03 11:02")
    shown = night.call("GET", f"jobs/{job_id}")
    assert [one["dialog_id"] for one in shown["outcomes"]] == ["chat1", "chat4"]
    night.mute(1, "N")
    night.portal.faults.clear()
    night.go("2026-03-03 12:00")
    shown = night.call("GET", f"jobs/{job_id}")
    assert (shown["state"], shown["counts"]) == ("done", {"total": 3, "done": 3, "failed": 0})
    assert shown["next"] == "2", "as it came"
    assert night.call("GET", f"jobs/{job_id}?next=2")["outcomes"] == [
        {"dialog_id": "chat3", "result": True, "error": None}
    ]
    assert night.muted == {2, 3, 4}


def test_a_replay_is_answered_also_after_its_end(night: Night) -> None:
    headers = {"Idempotency-Key": "lunch"}
    body = {"CHAT_ID": 1, "UNTIL": "2026-03-03T12:00:00Z"}
    first = night.stack.call("POST", "/default/im.chat.mute", body, headers)
    night.go("2026-03-03 13:00")
    again = night.stack.call("POST", "/default/im.chat.mute", body, headers)
    assert (again.status, again.body) == (200, first.body)
    assert night.muted == {2}
    new = night.stack.call("POST", "/default/im.chat.mute", body, {"Idempotency-Key": "another"})
    assert (new.status, new.body["error"]) == (400, "INVALID_PARAMETER")


def test_more_than_a_thousand_named_chats_are_too_many_however_they_are_named(night: Night) -> None:
    names = [f"chat{number}" for number in range(1, 1002)]
    for chats in (names, {"only": names}):
        assert night.stack.call("POST", "/default/mutes", {"chats": chats}).status == 413


@pytest.mark.parametrize("due", ["2050-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_schedule_of_another_age_is_put_aside(night: Night, due: str) -> None:
    event = {"CHAT_ID": 1, "FOR": "P1D", "schedule": "arn", "at": due}
    assert night.stack.invoke(event)["error"] == "INVALID_PARAMETER"
    assert holds(night) == []
