"""fast-bitrix24, unmodified, takes the simulator for a portal."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.sdk.conftest import ANN, BOB, Drive

if TYPE_CHECKING:
    from local.portal import Portal


@pytest.fixture
def run(drive: Drive) -> Drive:
    return functools.partial(drive, "drive_fast_bitrix24.py")


def answer(run: Drive, scenario: str, **inputs: Any) -> Any:
    return run(scenario, **inputs)["answer"]


def test_mute_and_unmute(run: Drive, portal: Portal) -> None:
    assert answer(run, "mute", chat=1489, flags=["Y", "N", "Y"]) == [True, True, True]
    assert portal.muted_chats(ANN) == {1489}
    assert answer(run, "raw", chat=1502)["result"] is True
    assert portal.muted_chats(ANN) == {1489, 1502}


def test_more_than_fifty_in_batches(run: Drive, portal: Portal) -> None:
    chats = list(range(2000, 2120))
    for number in chats:
        portal.add_chat(number, members=(ANN,))
    assert answer(run, "mute_many", chats=chats) == [True] * 120
    assert portal.muted_chats(ANN) == set(chats)
    assert sorted(len(call.commands) for call in portal.calls_of("batch")) == [20, 50, 50]


def test_one_failure_hides_the_successes_from_the_user_but_not_from_the_portal(run: Drive, portal: Portal) -> None:
    found = answer(run, "mute_many_error", chats=[1489, 9, 1502])
    assert found["class"] == "ErrorInServerResponseException"
    assert "ACCESS_ERROR" in found["text"]
    assert portal.muted_chats(ANN) == {1489, 1502}


def test_errors_of_single_calls(run: Drive, portal: Portal) -> None:
    found = answer(run, "raw_error", chat=9)
    assert (found["class"], found["status"]) == ("ClientResponseError", 403)
    portal.webhook_of(ANN).enabled = False
    found = answer(run, "raw_error", chat=1489)
    assert (found["class"], found["status"]) == ("ClientResponseError", 401)


def test_batch_with_back_references(run: Drive, portal: Portal) -> None:
    portal.add_workgroup(7, 77, members=(ANN,))
    cmd = {
        "find": "im.chat.get?ENTITY_TYPE=SONET_GROUP&ENTITY_ID=7",
        "mute": "im.chat.mute?CHAT_ID=$result[find][ID]&MUTE=Y",
    }
    assert answer(run, "batch", cmd=cmd) == {"find": {"ID": 77}, "mute": True}
    assert portal.is_muted(ANN, 77)


def test_recent_list(run: Drive, portal: Portal) -> None:
    portal.add_private(ANN, BOB, 44)
    portal.mute_by_hand(ANN, 44)
    found = answer(run, "recent")
    assert {item["chat_id"]: item["chat"]["mute_list"] for item in found["result"]["items"]} == {
        1489: [],
        1502: [],
        44: {str(ANN): True},
    }
    assert found["result"]["hasMore"] is False


def test_dialogs_by_id(run: Drive, portal: Portal) -> None:
    portal.mute_by_hand(ANN, 1502)
    found = answer(run, "dialogs", ids=["chat1489", "chat1502"])
    assert {key: dialog["mute_list"] for key, dialog in found.items()} == {"chat1489": [], "chat1502": [ANN]}


def test_a_503_is_retried(run: Drive, portal: Portal) -> None:
    ticks = itertools.count(portal.clock(), 0.3)
    portal.clock = lambda: next(ticks)
    portal.limits.fill(portal.clock())
    assert answer(run, "mute", chat=1489, flags=["Y"]) == [True]
    assert [(call.status, call.error) for call in portal.calls] == [(503, "QUERY_LIMIT_EXCEEDED"), (200, None)]


def test_a_401_asks_for_a_new_token(run: Drive, portal: Portal) -> None:
    app = portal.oauth.add_app()
    old, new = (portal.oauth.issue(app, ANN)["access_token"] for _ in range(2))
    portal.oauth.expire(old)
    assert answer(run, "raw", chat=1489, tokens=[old, new])["result"] is True
    assert [(call.status, call.error) for call in portal.calls] == [(401, "expired_token"), (200, None)]
    assert portal.is_muted(ANN, 1489)
