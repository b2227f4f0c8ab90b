"""Idempotency-Key through HTTPS and real DynamoDB calls: what is replayed, what is not, and for whom."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from local.portal import Fault
from local.world import ANN, DEAL, NOT_HERS
from tests.e2e.conftest import Service

_keys = count(1)


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{next(_keys)}"}


def test_a_replay_has_the_stored_status_and_body_and_calls_nobody(
    service: Service, account: str, key: dict[str, str]
) -> None:
    first = service.mute(account, {"CHAT_ID": DEAL}, key)
    before = service.asked()
    replay = service.mute(account, {"CHAT_ID": DEAL}, key)
    assert (replay.status_code, replay.json()) == (first.status_code, first.json())
    assert "Idempotency-Replayed" not in first.headers
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert service.asked() == before


def test_replaying_an_old_mute_after_a_newer_unmute_does_not_mute_again(
    service: Service, account: str, key: dict[str, str]
) -> None:
    service.mute(account, {"CHAT_ID": DEAL}, key)
    service.mute(account, {"CHAT_ID": DEAL, "MUTE": "N"})
    assert service.mute(account, {"CHAT_ID": DEAL}, key).status_code == 200
    assert not service.portal.is_muted(ANN, DEAL)


def test_the_same_fields_after_parsing_are_the_same_request(
    service: Service, account: str, key: dict[str, str]
) -> None:
    service.mute(account, {"CHAT_ID": 42 + DEAL - 42, "MUTE": "Y"}, key)
    replay = service.mute(account, {"chat_id": str(DEAL), "REASON": None}, {"idempotency-key": key["Idempotency-Key"]})
    assert replay.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("other", [{"DIALOG_ID": f"chat{DEAL}"}, {"CHAT_ID": DEAL, "MUTE": "N"}, {"CHAT_ID": DEAL + 1}])
def test_422_the_key_of_another_request(
    service: Service, account: str, key: dict[str, str], other: dict[str, object]
) -> None:
    service.mute(account, {"CHAT_ID": DEAL}, key)
    before = service.asked()
    response = service.mute(account, other, key)
    assert (response.status_code, response.json()["error"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert service.asked() == before


def test_409_while_the_first_is_being_worked_on(service: Service, account: str, key: dict[str, str]) -> None:
    service.portal.faults.add(Fault.slow_before_effect(1.5), method="im.chat.mute", times=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.stack.caller_with(service.credentials).call, "POST", f"/{account}/im.chat.mute",
                            {"CHAT_ID": DEAL}, key)  # fmt: skip
        while service.portal.faults.pending():
            assert not first.done()
        second = service.mute(account, {"CHAT_ID": DEAL}, key)
        assert (second.status_code, second.json()["error"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
        assert second.headers["Retry-After"] == "1"
        assert first.result().status_code == 200
    assert service.mute(account, {"CHAT_ID": DEAL}, key).headers["Idempotency-Replayed"] == "true"


def test_only_successes_are_kept(service: Service, account: str, key: dict[str, str]) -> None:
    assert service.mute(account, {"CHAT_ID": NOT_HERS}, key).status_code == 403
    service.portal.join(ANN, NOT_HERS)
    assert service.mute(account, {"CHAT_ID": NOT_HERS}, key).status_code == 200
    service.portal.leave(ANN, NOT_HERS)


def test_a_mute_whose_answer_was_lost_is_retried_safely(service: Service, account: str, key: dict[str, str]) -> None:
    service.mute(account, {"CHAT_ID": DEAL, "MUTE": "N"})
    events = len(service.portal.events)
    service.portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=4)
    assert service.mute(account, {"CHAT_ID": DEAL}, key).json()["error"] == "PORTAL_UNREACHABLE"
    retried = service.mute(account, {"CHAT_ID": DEAL}, key)
    assert retried.status_code == 200
    assert "Idempotency-Replayed" not in retried.headers
    assert [event.muted for event in service.portal.events[events:]] == [True], "one real change"


def test_keys_are_scoped_by_caller_and_account(
    service: Service, account: str, new_account: Callable[..., str], key: dict[str, str]
) -> None:
    service.mute(account, {"CHAT_ID": DEAL}, key)
    other_caller = service.stack.caller(f"other-{key['Idempotency-Key']}")
    answers = [
        service.call_as(other_caller, "POST", f"/{account}/im.chat.mute", {"CHAT_ID": DEAL}, key),
        service.mute(new_account(), {"CHAT_ID": DEAL}, key),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "Idempotency-Replayed" not in answer.headers
