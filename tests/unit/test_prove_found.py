"""What `make prove` has found, kept as tests; the seeds stand in docs/reliability.md."""

import json
import warnings
from typing import Any

import pytest
from aws_lambda_powertools.warnings import PowertoolsUserWarning

from local.portal import Fault
from local.virtual import STATE
from tests.unit.test_semantics import ANN, Night, at


@pytest.fixture
def night() -> Night:
    return Night(at("2026-03-03 11:00"))


@pytest.mark.parametrize("how", ["unmute", "let go", "by hand"])
def test_people_still_win_after_a_look_that_could_not_read_the_chats(night: Night, how: str) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:31")
    if how == "by hand":
        night.portal.mute_by_hand(503, 1, muted=False)
    elif how == "unmute":
        night.mute(1, "N")
    else:
        night.call("DELETE", "holds")
    night.go("2026-03-03 18:46")
    assert 1 not in night.muted
    for method in ("batch", "im.recent.list"):
        night.portal.faults.add(Fault.html(502), method=method, times=None)
    night.go("2026-03-03 19:01")
    night.portal.faults.clear()
    night.go("2026-03-03 22:00")
    assert 1 not in night.muted
    night.go("2026-03-04 12:00")
    assert night.muted == ({2} if how != "let go" else set())
    night.go("2026-03-04 18:00")
    assert 1 in night.muted, "another window"


@pytest.mark.parametrize("how", ["unmute", "let go"])
def test_an_unmute_that_is_carried_out_by_a_look_that_cannot_read_the_chats_wins(night: Night, how: str) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:31")
    for method in ("batch", "im.recent.list"):
        night.portal.faults.add(Fault.html(502), method=method, times=None)
    night.portal.faults.add(Fault.html(502), method="im.chat.mute", times=4)
    if how == "unmute":
        assert night.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1, "MUTE": "N"}).status >= 500
    else:
        night.call("DELETE", "holds")
    night.portal.faults.clear()
    night.portal.faults.add(
        Fault.error("ERROR_UNEXPECTED_ANSWER", status=500), method="im.recent.list", in_batch=True, times=None
    )
    night.portal.faults.add(
        Fault.error("ERROR_UNEXPECTED_ANSWER", status=500), method="im.dialog.get", in_batch=True, times=None
    )
    night.go("2026-03-03 18:35")
    assert 1 not in night.muted, "told by the record alone"
    night.portal.faults.clear()
    night.go("2026-03-03 22:00")
    assert 1 not in night.muted
    night.go("2026-03-04 12:00")
    night.go("2026-03-04 18:00")
    assert 1 in night.muted, "another window"


def test_a_job_that_ends_while_a_call_would_overtake_it_is_counted_once(night: Night) -> None:
    """Counted twice, the next job would not be counted at all, and nobody would look at it."""
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.call("POST", "mutes", {"chats": ["chat1"], "mute": "N"})
    night.stack.clock.set(at("2026-03-03 18:01"))
    query, worked = night.stack.dynamodb.query, list[bool]()

    def slow(**arguments: Any) -> Any:
        answer = query(**arguments)
        if "open#" in json.dumps(arguments) and not worked:
            worked.append(True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PowertoolsUserWarning)  # one process here, two in Lambda
                night.stack.minute()
        return answer

    night.stack.dynamodb.query = slow  # type: ignore[method-assign]
    night.mute(1)
    assert worked
    key = {"pk": {"S": "account#default"}, "sk": {"S": "account"}}
    item = night.stack.dynamodb.get_item(TableName=STATE, Key=key)["Item"]
    assert item["jobs"] == {"N": "0"}
    job = night.call("POST", "mutes", {"chats": ["chat3"], "mute": "N"})["job"]
    night.go("2026-03-03 18:05")
    assert night.call("GET", f"jobs/{job}")["state"] == "done"


@pytest.mark.parametrize("asked", ["Y", "N"])
def test_what_cannot_be_noted_is_not_answered_as_done(night: Night, asked: str) -> None:
    """A mute would have been released at the window's end, an unmute undone by the next look."""
    night.put("night", "19:00-08:00", chats={"only": ["547"]})
    if asked == "Y":
        night.go("2026-03-03 18:31")
    else:
        night.stack.clock.set(at("2026-03-03 18:31"))
    ask = {"DIALOG_ID": "547", "MUTE": asked}
    night.portal.faults.add(Fault.no_result(), method="batch", times=None)
    assert night.stack.call("POST", "/default/im.chat.mute", ask).status == 502
    night.portal.faults.clear()
    assert night.stack.call("POST", "/default/im.chat.mute", ask).status == 200
    night.go("2026-03-03 18:46")
    assert (9 in night.muted) == (asked == "Y")
    night.go("2026-03-04 12:00")
    assert (9 in night.muted) == (asked == "Y")


def test_an_unmute_by_the_record_alone_lasts_for_a_policy_that_the_record_does_not_know_yet(night: Night) -> None:
    night.put("night", "19:00-20:00")
    night.go("2026-03-03 18:31")
    night.portal.faults.add(Fault.html(502), method="batch", times=None)
    night.put("late", "19:00-08:00")
    assert night.mute(1, "N")["result"] is True
    night.portal.faults.clear()
    night.go("2026-03-03 22:00")
    assert night.muted == {2, 3, 4, 9}
    night.go("2026-03-04 12:00")
    assert night.muted == {2}


def test_a_lasting_mute_that_turns_out_to_be_of_a_chat_the_user_has_left_is_given_up(night: Night) -> None:
    """It was tried again each quarter of an hour, until somebody let go of all."""
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:31")
    night.portal.faults.add(Fault.empty(200), method="im.chat.mute", times=None)
    assert night.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1, "MUTE": "Y"}).status == 502
    night.portal.leave(ANN, 1)
    night.portal.faults.clear()
    night.go("2026-03-03 18:46")
    assert 1 not in {hold["chat_id"] for hold in night.call("GET", "holds")["holds"]}
    night.go("2026-03-04 12:00")
    assert night.muted == {2}


@pytest.mark.parametrize("trouble", ["portal", "webhook"])
def test_a_callers_mute_of_a_chat_that_people_want_audible_ends_two_minutes_after_trouble(
    night: Night, trouble: str
) -> None:
    """That people want it so until the window ends was taken for a window that holds it."""
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:31")
    night.mute(1, "N")
    night.mute(1, FOR="PT10M")
    if trouble == "portal":
        night.portal.faults.add(Fault.html(502), method=None, times=None)
    else:
        night.portal.delete_webhook(ANN)
    night.go("2026-03-03 19:14")
    assert 1 in night.muted
    night.portal.faults.clear()
    night.webhook()
    night.go("2026-03-03 19:16")
    assert night.muted == {2, 3, 4, 9}


@pytest.mark.parametrize(
    ("name", "window", "clicked"),
    [("late", "20:00-08:00", "2026-03-03 21:59"), ("night", "19:00-08:00", "2026-03-03 19:01")],
)
def test_an_unmute_by_hand_lasts_for_the_window_as_it_is_now_not_as_it_was_at_the_one_before(
    night: Night, name: str, window: str, clicked: str
) -> None:
    """A policy has joined the window since, which goes on where the override ends; or it has been changed."""
    night.put("night", "19:00-23:00")
    night.go("2026-03-03 18:31")
    night.mute(1, "N")
    night.mute(1, FOR="PT20H")
    night.put(name, window)
    night.go(clicked)
    night.portal.mute_by_hand(ANN, 1, muted=False)
    night.go("2026-03-04 06:59")
    assert night.muted == {2, 3, 4, 9}
