"""Faults without a socket: what they answer, whether the call is done, and which calls they hit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.portal import Fault, Portal, Response
from local.portal.wire import Delivery
from tests.unit.portal_calls import ANN, call, new_portal, result, send

MUTE = {"CHAT_ID": 1489}


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def portal(waits: list[float]) -> Portal:
    return new_portal(sleep=waits.append)


def hit(portal: Portal, fault: Fault) -> Response:
    portal.faults.add(fault, method="im.chat.mute")
    answer = send(portal, "im.chat.mute", MUTE)
    assert portal.faults.pending() == 0
    return answer


# --- not done --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["X", "", "lower_case", "0", 100, "1048582", None, {"code": "V3", "message": "m"}])
@pytest.mark.parametrize("status", [200, 400, 401, 500, 503])
def test_errors_of_any_kind(portal: Portal, code: Any, status: int) -> None:
    answer = hit(portal, Fault.error(code, "why", status=status))
    assert answer.status == status
    assert json.loads(answer.body) == {"error": code, "error_description": "why"}
    assert not portal.is_muted(ANN, 1489)


def test_descriptions(portal: Portal) -> None:
    assert "error_description" not in json.loads(hit(portal, Fault.error("X", None)).body)
    assert len(json.loads(hit(portal, Fault.error("X", "y" * 10_000)).body)["error_description"]) == 10_000
    answer = json.loads(hit(portal, Fault.error_quoting_url()).body)
    assert f"/rest/{ANN}/s3cr3tcode/im.chat.mute" in answer["error_description"]
    assert "<b>" in answer["error_description"]
    assert json.loads(hit(portal, Fault.error_200("W")).body)["error"] == "W"


@pytest.mark.parametrize("value", [False, None, 1, "true", [], {}, True])
def test_results_of_any_kind(portal: Portal, value: Any) -> None:
    answer = hit(portal, Fault.result(value))
    assert (answer.status, json.loads(answer.body)["result"]) == (200, value or (value if value != {} else []))
    assert not portal.is_muted(ANN, 1489)


def test_no_result_html_and_empty(portal: Portal) -> None:
    assert set(json.loads(hit(portal, Fault.no_result()).body)) == {"time"}
    page = hit(portal, Fault.html(502))
    assert (page.status, page.content_type, page.body[:6]) == (502, "text/html; charset=UTF-8", b"<html>")
    assert hit(portal, Fault.empty(500)).body == b""
    assert hit(portal, Fault.answer(418, b"\x00raw", "application/json")).body == b"\x00raw"
    assert not portal.is_muted(ANN, 1489)


# --- done, but --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [None, [], "soon", 7, {"operating_reset_at": "x"}, {"operating": None}])
def test_strange_time(portal: Portal, time: Any) -> None:
    answer = json.loads(hit(portal, Fault.time(time)).body)
    assert answer == {"result": True, "time": time}
    assert portal.is_muted(ANN, 1489)


def test_spoilt_answers_of_calls_that_were_done(portal: Portal) -> None:
    faults = {
        "no time": Fault.no_time(),
        "null": Fault.result_after_effect(None),
        "bad json": Fault.bad_json(),
        "warning": Fault.php_warning(),
        "deep": Fault.deep_json(),
        "bad utf-8": Fault.bad_utf8(),
        "bom": Fault.bom(),
    }
    bodies = {}
    for name, fault in faults.items():
        portal.set_mute(ANN, 1489, muted=False)
        bodies[name] = hit(portal, fault).body
        assert portal.is_muted(ANN, 1489), name
    assert json.loads(bodies["no time"]) == {"result": True}
    assert json.loads(bodies["null"])["result"] is None
    assert bodies["bom"].startswith(b"\xef\xbb\xbf{")
    for name in ("bad json", "warning"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(bodies[name])
    with pytest.raises(RecursionError):
        json.loads(bodies["deep"])
    with pytest.raises(UnicodeDecodeError):
        bodies["bad utf-8"].decode()


def test_deliveries(portal: Portal) -> None:
    expected = {
        Fault.truncated(): Delivery.TRUNCATED,
        Fault.trickle(): Delivery.TRICKLE,
        Fault.stale_connection(): Delivery.CLOSE_SILENTLY,
        Fault.reset_after_effect(): Delivery.RESET,
    }
    for fault, delivery in expected.items():
        portal.set_mute(ANN, 1489, muted=False)
        assert hit(portal, fault).delivery is delivery
        assert portal.is_muted(ANN, 1489)
    portal.set_mute(ANN, 1489, muted=False)
    assert hit(portal, Fault.reset_before_effect()).delivery is Delivery.RESET
    assert not portal.is_muted(ANN, 1489)


def test_waits_are_asked_of_the_clock(portal: Portal, waits: list[float]) -> None:
    assert hit(portal, Fault.slow_before_effect(30)).delay == 0
    assert waits == [30]
    assert hit(portal, Fault.slow_after_effect(20)).delay == 20
    assert waits == [30]


def test_an_error_is_spoilt_in_its_delivery_only(portal: Portal) -> None:
    portal.faults.add(Fault.time("x"))
    assert set(call(portal, "im.chat.mute", {"CHAT_ID": 9})) == {"error", "error_description"}
    portal.faults.add(Fault.reset_after_effect())
    assert send(portal, "im.chat.mute", {"CHAT_ID": 9}).delivery is Delivery.RESET


# --- which calls are hit ----------------------------------------------------------------------------------------------


def test_once_is_the_default(portal: Portal) -> None:
    portal.faults.add(Fault.error("X"))
    assert call(portal, "profile")["error"] == "X"
    assert result(portal, "profile")["ID"] == "503"


def test_counted_skipped_and_for_ever(portal: Portal) -> None:
    portal.faults.add(Fault.error("X"), times=2, after=1)
    assert ["error" in call(portal, "profile") for _ in range(4)] == [False, True, True, False]
    portal.faults.add(Fault.error("X"), times=None)
    assert all("error" in call(portal, "profile") for _ in range(5))
    portal.faults.clear()
    assert "error" not in call(portal, "profile")


def test_by_method_and_parameters(portal: Portal) -> None:
    portal.faults.add(Fault.error("X"), method="IM.chat.mute", params={"chat_id": 1502, "MUTE": "N"})
    assert result(portal, "profile")
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489, "MUTE": "N"}) is True
    assert result(portal, "im.chat.mute", {"CHAT_ID": "1502"}) is True
    assert call(portal, "im.chat.mute", {"Chat_Id": "1502", "mute": "N"})["error"] == "X"


def test_first_armed_first_served(portal: Portal) -> None:
    portal.faults.add(Fault.error("A"))
    portal.faults.add(Fault.error("B"))
    assert [call(portal, "profile").get("error") for _ in range(3)] == ["A", "B", None]


def test_the_outer_batch(portal: Portal) -> None:
    portal.faults.add(Fault.reset_after_effect(), method="batch")
    answer = send(portal, "batch", {"cmd": {"a": "im.chat.mute?CHAT_ID=1489"}})
    assert answer.delivery is Delivery.RESET
    assert portal.is_muted(ANN, 1489)
    (entry,) = portal.calls
    assert (entry.status, entry.fault, len(entry.commands)) == (0, "reset after the effect", 1)


def test_a_fault_in_place_of_the_effect_leaves_the_bucket_alone(portal: Portal) -> None:
    portal.faults.add(Fault.html(502), times=60)
    for _ in range(60):
        assert send(portal, "profile").status == 502
    assert send(portal, "profile").status == 200
