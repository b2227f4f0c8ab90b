"""Every file in events/, through the real runtime; the files are what `make invoke` takes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.paths import EVENTS
from local.stack import fill
from local.world import ANN, DEAL
from tests.e2e.conftest import Service

ANSWERS: dict[str, tuple[int, str | None]] = {
    "api-account.json": (200, None),
    "api-bad-policy.json": (422, "INVALID_POLICY"),
    "api-health.json": (200, None),
    "api-let-go.json": (202, None),
    "api-mute-base64.json": (200, None),
    "api-mute-by-role.json": (200, None),
    "api-mute-chat.json": (200, None),
    "api-mute-no-such-account.json": (404, "ACCOUNT_NOT_FOUND"),
    "api-mute-not-a-member.json": (403, "ACCESS_ERROR"),
    "api-mute-once.json": (200, None),
    "api-mute-until.json": (200, None),
    "api-mute-workgroup.json": (200, None),
    "api-mutes.json": (202, None),
    "api-no-such-route.json": (404, "NOT_FOUND"),
    "api-openapi.json": (200, None),
    "api-put-policy-new.json": (201, None),
    "api-put-policy.json": (201, None),
    "api-preview-unsaved.json": (200, None),
    "api-refused-id.json": (400, "CHAT_ID_EMPTY"),
    "api-refused-json.json": (400, "INVALID_PARAMETER"),
    "api-refused-mute.json": (400, "INVALID_PARAMETER"),
    "api-refused-query.json": (400, "INVALID_PARAMETER"),
    "api-unmute-chat.json": (200, None),
    "api-wrong-method.json": (405, "METHOD_NOT_ALLOWED"),
}
OF_A_POLICY: dict[str, tuple[int, str | None]] = {
    "api-chat.json": (200, None),
    "api-delete-policy.json": (204, None),
    "api-get-policies.json": (200, None),
    "api-get-policy-missing.json": (404, "NOT_FOUND"),
    "api-get-policy.json": (200, None),
    "api-holds.json": (200, None),
    "api-preview.json": (200, None),
    "api-put-policy.json": (200, None),
    "api-skip.json": (200, None),
    "api-unskip.json": (204, None),
}
"""Requests where there is the policy of api-put-policy.json already."""
PAYLOADS = {
    "schedule-hopeless.json": "DIALOG_ID_EMPTY",
    "schedule-mute-for.json": None,
    "schedule-mute.json": None,
    "schedule-unmute.json": None,
    "schedule-without-run.json": None,
}
MACHINERY = {
    "operator-check.json",
    "operator-forget.json",
    "operator-moved.json",
    "operator-offboard.json",
    "operator-refused.json",
    "operator-release-all.json",
    "queue-account.json",
    "tick.json",
}
UNKNOWN = ["unknown-eventbridge.json", "unknown-s3.json"]


@pytest.fixture(autouse=True)
def default_account(service: Service) -> Iterator[None]:
    """Ann's account, which is left without policies and holds: other tests travel in time."""
    service.portal.faults.clear()
    service.portal.add_webhook(ANN, "c0de5ecretdefault")
    service.stack.put_account("default", {"webhook_url": f"{service.stack.server.url}/rest/{ANN}/c0de5ecretdefault/"})
    yield
    service.clean("default")


def event(name: str) -> Any:
    """The file, due at a time of its own: two schedules are not due twice at once."""
    due = datetime.now(UTC) + timedelta(seconds=sorted(PAYLOADS).index(name) if name in PAYLOADS else 0)
    return fill(json.loads((EVENTS / name).read_text()), due)


def answer_to(service: Service, name: str) -> tuple[int, str | None]:
    """Status and error code."""
    answer = service.stack.invoke(event(name))
    is_json = answer["headers"].get("Content-Type") == "application/json"
    return answer["statusCode"], json.loads(answer["body"]).get("error") if is_json else None


def test_every_file_is_used() -> None:
    assert {file.name for file in EVENTS.iterdir()} == {*ANSWERS, *OF_A_POLICY, *PAYLOADS, *MACHINERY, *UNKNOWN}


@pytest.mark.parametrize("name", ANSWERS)
def test_requests_of_the_api(service: Service, name: str) -> None:
    assert answer_to(service, name) == ANSWERS[name]


@pytest.mark.parametrize("name", OF_A_POLICY)
def test_requests_about_a_policy(service: Service, name: str) -> None:
    assert answer_to(service, "api-put-policy.json") == (201, None)
    assert answer_to(service, name) == OF_A_POLICY[name]


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads_of_schedules(service: Service, name: str) -> None:
    assert service.stack.invoke(event(name)).get("error") == PAYLOADS[name]
    assert len(service.stack.dead_letters()) == (1 if PAYLOADS[name] else 0)


def test_the_tick_queues_what_is_due_and_the_queue_looks_at_it(service: Service) -> None:
    answer_to(service, "api-put-policy.json")
    assert service.stack.invoke(event("tick.json"))["queued"] >= 1
    assert service.stack.wait_for_queue()
    assert service.stack.invoke(event("queue-account.json")) is None


def test_an_operator_forgets_what_can_never_be_released(service: Service) -> None:
    answer_to(service, "api-mute-until.json")
    forget = event("operator-forget.json")
    assert service.stack.invoke(forget) == {"forgotten": 0}, "another portal's"
    portal = service.stack.server.url.removeprefix("https://")
    assert service.stack.invoke({**forget, "portal": portal, "user_id": ANN}) == {"forgotten": 1}
    assert service.portal.is_muted(ANN, DEAL)
    service.portal.mute_by_hand(ANN, DEAL, muted=False)
    assert service.stack.invoke(event("operator-moved.json")) == {"moved": 0}
    refused = service.stack.invoke(event("operator-refused.json"))
    assert refused["errorType"] == "InvalidParameter"
    assert "user_id" in refused["errorMessage"]


def test_an_operator_checks_an_account_and_takes_it_out(service: Service) -> None:
    answer_to(service, "api-put-policy.json")
    assert service.stack.invoke(event("operator-check.json"))["usable"] is True
    for _ in range(3):
        service.minute()
        left = service.stack.invoke(event("operator-offboard.json"))
    assert left == {"done": True, "held": 0, "secret": True}
    refused = service.stack.invoke(event("operator-release-all.json"))
    assert "Mode=RELEASE_ONLY" in refused["errorMessage"]


@pytest.mark.parametrize("name", [*UNKNOWN, "a list", "a text"])
def test_unknown_events_are_a_clear_error_without_their_content(service: Service, name: str) -> None:
    content = {"a list": ["confidential"], "a text": "confidential"}
    given = content.get(name) or {**event(name), "note": "confidential"}
    before = len(service.stack.log_lines())
    answer = service.stack.invoke(given)
    assert answer["errorType"] == "UnknownEvent"
    assert "events/" in answer["errorMessage"]
    logged = "".join(service.stack.log_lines()[before:])
    assert "UnknownEvent" in logged
    assert "confidential" not in json.dumps(answer) + logged
