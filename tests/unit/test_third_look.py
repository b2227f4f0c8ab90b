"""What a third reading of the whole has found, kept as tests."""

import json
import warnings
from typing import Any

import pytest
from aws_lambda_powertools.warnings import PowertoolsUserWarning

from local.portal import Fault
from tests.unit.crash.fuse import Killed
from tests.unit.test_semantics import Night, at


@pytest.fixture
def night() -> Night:
    return Night(at("2026-03-03 11:00"))


def test_a_worker_killed_in_a_job_takes_nothing_from_a_call_that_had_overtaken_it(night: Night) -> None:
    night.call("POST", "mutes", {"chats": ["chat1", "chat3"], "mute": "N"})
    night.mute(1, FOR="PT8H")
    put = night.stack.dynamodb.put_item

    def dying(**arguments: Any) -> Any:
        answer = put(**arguments)
        if arguments["Item"]["sk"]["S"].startswith("hold#"):
            raise Killed
        return answer

    night.stack.dynamodb.put_item = dying  # type: ignore[method-assign]
    try:
        night.go("2026-03-03 11:01")
    except Killed:
        night.stack.new_process()
    night.stack.dynamodb.put_item = put  # type: ignore[method-assign]
    night.go("2026-03-03 12:00")
    assert 1 in night.muted
    assert night.owners(1) != []
    night.go("2026-03-03 19:30")
    assert night.muted == {2}


def test_an_unmute_overtakes_a_job_also_where_the_portal_does_not_show_the_chat(night: Night) -> None:
    job = night.call("POST", "mutes", {"chats": ["chat1", "chat3"]})["job"]
    night.portal.faults.add(Fault.html(502), method="batch", times=None)
    night.portal.faults.add(Fault.html(502), method="im.dialog.get", times=None)
    night.mute(1, "N")
    night.portal.faults.clear()
    night.go("2026-03-03 11:10")
    assert night.muted == {2, 3}
    told = {one["dialog_id"]: one["error"] for one in night.call("GET", f"jobs/{job}")["outcomes"]}
    assert told == {"chat1": "OVERTAKEN", "chat3": None}


def test_what_is_asked_for_while_an_account_is_removed_is_not_forgotten(night: Night) -> None:
    """Erased with the rest, nobody would ever unmute it again."""
    query, begun = night.stack.dynamodb.query, list[bool]()

    def meanwhile(**arguments: Any) -> Any:
        answer = query(**arguments)
        if '"hold#"' in json.dumps(arguments) and not begun:
            begun.append(True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PowertoolsUserWarning)  # one process here, two in Lambda
                night.mute(1, FOR="PT1H")
        return answer

    night.stack.dynamodb.query = meanwhile  # type: ignore[method-assign]
    assert night.stack.invoke({"offboard": "default"})["done"] is False
    assert begun
    night.go("2026-03-03 12:01")
    assert night.muted == {2}
    assert night.stack.invoke({"offboard": "default"})["done"] is True


def test_a_newer_job_overtakes_one_that_waits_for_a_whole_list(night: Night) -> None:
    night.call("POST", "mutes", {"chats": {"all": True}})
    night.stack.clock.sleep(1)
    night.call("POST", "mutes", {"chats": ["chat1"], "mute": "N"})
    night.portal.faults.add(
        Fault.error("ERROR_UNEXPECTED_ANSWER", status=500), method="im.recent.list", in_batch=True, times=None
    )
    night.go("2026-03-03 11:02")
    night.portal.faults.clear()
    night.go("2026-03-03 11:30")
    assert night.muted == {2, 3, 4, 9}


def test_letting_go_of_all_overtakes_a_job_that_would_mute_again(night: Night) -> None:
    night.mute(1, FOR="PT8H")
    job = night.call("POST", "mutes", {"chats": ["chat1", "chat3"], "for": "PT2H"})["job"]
    assert night.call("DELETE", "holds") == {"releasing": 1}
    night.go("2026-03-03 11:10")
    assert night.muted == {2, 3}, "what was not held is another matter"
    told = {one["dialog_id"]: one["error"] for one in night.call("GET", f"jobs/{job}")["outcomes"]}
    assert told == {"chat1": "OVERTAKEN", "chat3": None}


def test_a_job_that_changes_while_the_kill_switch_ends_it_mutes_nothing(night: Night) -> None:
    job = night.call("POST", "mutes", {"chats": ["chat1", "chat3", "chat4"]})["job"]
    night.portal.faults.add(
        Fault.error("ERROR_UNEXPECTED_ANSWER", status=500), method="im.chat.mute", in_batch=True, times=None
    )
    night.go("2026-03-03 11:01")
    night.portal.faults.clear()
    assert night.call("GET", f"jobs/{job}")["state"] == "running"
    night.stack.environment["MODE"] = "RELEASE_ONLY"
    night.stack.new_process()
    transact, overtaken = night.stack.dynamodb.transact_write_items, list[bool]()

    def meanwhile(**arguments: Any) -> Any:
        if "RELEASE_ONLY" in json.dumps(arguments) and not overtaken:
            overtaken.append(True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PowertoolsUserWarning)
                night.mute(3, "N")
        return transact(**arguments)

    night.stack.dynamodb.transact_write_items = meanwhile  # type: ignore[method-assign]
    night.go("2026-03-03 11:10")
    assert overtaken
    assert 4 not in night.muted
    assert night.call("GET", f"jobs/{job}")["state"] == "done"
