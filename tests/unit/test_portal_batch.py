"""`batch`: what is carried out, what is not, and the shapes the answer takes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from local.portal import Fault, Portal, Request, dispatch
from tests.unit.portal_calls import ANN, BOB, call, new_portal, refusal, result, send


@pytest.fixture
def portal() -> Portal:
    return new_portal()


def mute(chat_id: Any, flag: str = "Y") -> str:
    return f"im.chat.mute?CHAT_ID={chat_id}&MUTE={flag}"


def batch(portal: Portal, cmd: Any, **params: Any) -> Any:
    return result(portal, "batch", {"cmd": cmd, **params})


def test_all_well_with_keys(portal: Portal) -> None:
    answer = batch(portal, {"c1489": mute(1489), "c1502": mute(1502)})
    assert answer["result"] == {"c1489": True, "c1502": True}
    assert (answer["result_error"], answer["result_total"], answer["result_next"]) == ([], [], [])
    assert set(answer["result_time"]) == {"c1489", "c1502"}
    assert portal.muted_chats(ANN) == {1489, 1502}


def test_partial_failure(portal: Portal) -> None:
    answer = batch(portal, {"c1489": mute(1489), "c9": mute(9)})
    assert answer["result"] == {"c1489": True}
    assert answer["result_error"] == {
        "c9": {"error": "ACCESS_ERROR", "error_description": "This chat cannot be muted"},
    }
    assert set(answer["result_time"]) == {"c1489"}


def test_all_failed_is_lists_everywhere_and_still_200(portal: Portal) -> None:
    portal.webhook_of(ANN).scopes = frozenset()
    answer = batch(portal, {"c1489": mute(1489)})
    assert answer == {
        "result": [],
        "result_error": {"c1489": {"error": "insufficient_scope", "error_description": ""}},
        "result_total": [],
        "result_next": [],
        "result_time": [],
    }


@pytest.mark.parametrize("cmd", [[mute(1489), mute(1502)], {"0": mute(1489), "1": mute(1502)}])
def test_numeric_keys_make_lists(portal: Portal, cmd: Any) -> None:
    assert batch(portal, cmd)["result"] == [True, True]


def test_a_hole_makes_an_object(portal: Portal) -> None:
    answer = batch(portal, [mute(9), mute(1502)])
    assert answer["result"] == {"1": True}
    assert answer["result_error"] == [{"error": "ACCESS_ERROR", "error_description": "This chat cannot be muted"}]


def test_only_fifty_are_carried_out(portal: Portal) -> None:
    for chat_id in range(2000, 2053):
        portal.add_chat(chat_id, members=(ANN,))
    answer = batch(portal, {f"c{n}": mute(n) for n in range(2000, 2053)})
    assert len(answer["result"]) == 50
    assert {key: value["error"] for key, value in answer["result_error"].items()} == {
        f"c{n}": "ERROR_BATCH_LENGTH_EXCEEDED" for n in (2050, 2051, 2052)
    }
    assert portal.muted_chats(ANN) == set(range(2000, 2050))


@pytest.mark.parametrize(
    ("halt", "halts"),
    [(1, True), ("1", True), (True, True), ("false", True), (0, False), ("0", False), ("", False), (None, False)],
)
def test_halt_is_a_php_boolean(portal: Portal, halt: Any, *, halts: bool) -> None:
    answer = batch(portal, {"a": mute(1489), "b": mute(9), "c": mute(1502)}, halt=halt)
    assert set(answer["result_error"]) == {"b"}
    assert ("c" in answer["result"]) is not halts
    assert portal.is_muted(ANN, 1502) is not halts


def test_what_is_no_string_is_skipped_without_a_trace(portal: Portal) -> None:
    answer = batch(portal, {"a": {"method": "im.chat.mute"}, "b": None, "c": 7, "d": mute(1489)})
    assert answer["result"] == {"d": True}
    assert answer["result_error"] == []


@pytest.mark.parametrize("cmd", [None, "x", 7, [], {}])
def test_no_commands(portal: Portal, cmd: Any) -> None:
    assert batch(portal, cmd)["result"] == []


def test_everything_in_a_command_is_a_string(portal: Portal) -> None:
    portal.mute_by_hand(ANN, 1489)
    batch(portal, {"a": mute(1489, "false"), "b": mute(1489, "true"), "c": mute(1489, "0")})
    assert portal.is_muted(ANN, 1489)
    batch(portal, {"a": mute(1489, "N")})
    assert not portal.is_muted(ANN, 1489)


def test_nested_batch_is_forbidden(portal: Portal) -> None:
    answer = batch(portal, {"a": f"batch?cmd[x]={quote(mute(1489))}"})
    assert answer["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    assert portal.muted_chats(ANN) == set()


def test_a_method_can_be_refused_in_batches(portal: Portal) -> None:
    portal.quirks.batch_refuses = frozenset({"im.chat.mute"})
    answer = batch(portal, {"a": "IM.CHAT.MUTE?CHAT_ID=1489", "b": "profile"})
    assert answer["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    assert answer["result"]["b"]["ID"] == "503"
    assert result(portal, "im.chat.mute", {"CHAT_ID": 1489}) is True


def test_unknown_methods_fail_alone(portal: Portal) -> None:
    answer = batch(portal, {"a": "im.chat.nute?CHAT_ID=1489", "b": mute(1489)})
    assert answer["result_error"]["a"] == {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    assert answer["result"] == {"b": True}


def test_back_references(portal: Portal) -> None:
    portal.add_workgroup(7, 77, members=(ANN,))
    answer = batch(
        portal,
        {
            "find": "im.chat.get?ENTITY_TYPE=SONET_GROUP&ENTITY_ID=7",
            "mute": mute("$result[find][ID]"),
            "list": "im.recent.list?LIMIT=1",
            "deep": "im.dialog.get?DIALOG_ID=" + quote("$result[list][items][0][id]"),
            "none": mute("$result[nothing][ID]"),
            "text": "im.search.chat.list?FIND=$result",
            "array": "im.search.chat.list?FIND=$result[find]",
        },
    )
    assert portal.is_muted(ANN, 77)
    assert answer["result"]["deep"]["dialog_id"] == answer["result"]["list"]["items"][0]["id"]
    assert answer["result_error"]["none"]["error"] == "CHAT_ID_EMPTY"
    assert answer["result"]["text"] == []
    assert answer["result_error"]["array"]["error"] == "FIND_SHORT", "an array is substituted by nothing"


def test_totals_and_nexts_are_told(portal: Portal) -> None:
    answer = batch(portal, {"a": "im.recent.list?LIMIT=1", "b": "profile"})
    assert answer["result_total"] == {"a": -1}
    assert answer["result_next"] == {"a": 1}


def test_false_and_null_results_are_results(portal: Portal) -> None:
    portal.quirks.non_member = "false"
    answer = batch(portal, {"a": mute(9), "b": "im.chat.get?ENTITY_TYPE=CRM&ENTITY_ID=DEAL|9"})
    assert answer["result"] == {"a": False, "b": None}
    assert set(answer["result_time"]) == {"a", "b"}


def test_get_and_form_encode_commands_twice(portal: Portal) -> None:
    path = f"/rest/{ANN}/{portal.webhook_of(ANN).code}/batch"
    form = urlencode({"cmd[a]": mute(1489), "cmd[b]": mute(1502), "halt": "0"})
    answer = dispatch(portal, Request("GET", path, form))
    assert json.loads(answer.body)["result"]["result"] == {"a": True, "b": True}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    form = urlencode({"cmd[]": mute(1489, "N")})
    answer = dispatch(portal, Request("POST", path, "", headers, form.encode()))
    assert json.loads(answer.body)["result"]["result"] == [True]
    assert portal.muted_chats(ANN) == {1502}


def test_a_bad_webhook_fails_the_whole_batch(portal: Portal) -> None:
    portal.webhook_of(ANN).enabled = False
    assert refusal(portal, "batch", {"cmd": {"a": mute(1489)}}) == (401, "INVALID_CREDENTIALS")


def test_one_batch_is_one_request_to_the_bucket() -> None:
    portal = new_portal(clock=lambda: 0.0)  # else it would leak while fifty batches are worked on
    for _ in range(50):
        assert send(portal, "batch", {"cmd": {f"c{n}": mute(1489) for n in range(50)}}).status == 200
    assert refusal(portal, "batch", {"cmd": {"a": mute(1489)}}) == (503, "QUERY_LIMIT_EXCEEDED")


def test_the_journal_holds_the_commands(portal: Portal) -> None:
    call(portal, "im.chat.mute", {"CHAT_ID": 1489})
    batch(portal, {"a": mute(1502), "b": mute(9), "c": "profile"})
    calls = portal.calls_of("IM.CHAT.MUTE")
    assert [(c.params["CHAT_ID"], c.status, c.error, c.key) for c in calls] == [
        (1489, 200, None, None),
        ("1502", 200, None, "a"),
        ("9", 403, "ACCESS_ERROR", "b"),
    ]
    assert [c.number for c in calls] == sorted({c.number for c in calls})
    assert [c.method for c in portal.calls] == ["im.chat.mute", "batch"]
    assert {c.user_id for c in calls} == {ANN}


# --- faults of single commands ---------------------------------------------------------------------------------------


def test_faults_of_commands(portal: Portal) -> None:
    portal.add_chat(1503, members=(ANN, BOB))
    portal.faults.add(Fault.error("OPERATION_TIME_LIMIT", status=429), in_batch=True, params={"chat_id": 1489})
    portal.faults.add(Fault.result(False), method="im.chat.mute", in_batch=True, params={"CHAT_ID": "1502"})
    portal.faults.add(Fault.no_result(), method="im.chat.mute", in_batch=True, params={"CHAT_ID": 1503})
    answer = batch(portal, {"a": mute(1489), "b": mute(1502), "c": mute(1503), "d": mute(1489)})
    assert answer["result"] == {"b": False, "d": True}
    assert answer["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
    assert portal.muted_chats(ANN) == {1489}
    assert portal.faults.pending() == 0
    assert [c.fault for c in portal.calls_of("im.chat.mute")] == [
        "error OPERATION_TIME_LIMIT", "result False", "no result", None,
    ]  # fmt: skip


def test_direct_faults_do_not_hit_commands_and_the_other_way_round(portal: Portal) -> None:
    portal.faults.add(Fault.error("X"), method="im.chat.mute")
    assert batch(portal, {"a": mute(1489)})["result"] == {"a": True}
    portal.faults.add(Fault.error("Y", status=400), method="im.chat.mute", in_batch=True)
    assert call(portal, "im.chat.mute", {"CHAT_ID": 1489})["error"] == "X"
    assert batch(portal, {"a": mute(1489)})["result_error"]["a"]["error"] == "Y"


def test_a_command_can_not_lose_its_connection(portal: Portal) -> None:
    with pytest.raises(ValueError, match="can not hit a command"):
        portal.faults.add(Fault.reset_after_effect(), in_batch=True)
