"""Every row of the API's status table that our code answers, through HTTPS, gateway and runtime to the portal."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.paths import ROOT
from local.portal import Fault
from local.world import ANN, DEAL, NOT_HERS, OPEN_LINE, PRIVATE, WORKGROUP_CHAT
from tests.e2e.conftest import SLOW_CHAT, Service

BODY = {"CHAT_ID": DEAL}


def refusal(response: requests.Response) -> tuple[int, str]:
    """Status and code, after a look at the shape every error has."""
    answer = response.json()
    assert set(answer) == {"error", "error_description"}
    assert isinstance(answer["error_description"], str)
    assert 0 < len(answer["error_description"]) <= 300
    return response.status_code, answer["error"]


@pytest.fixture(scope="module", autouse=True)
def slow_answer(service: Service) -> Iterator["Future[requests.Response]"]:
    """A portal that takes 30 s over one chat; asked while the other tests run."""
    service.portal.add_chat(SLOW_CHAT, members=[ANN])
    service.portal.faults.clear()
    code = "c0de5ecretslow"
    service.portal.add_webhook(ANN, code)
    service.stack.put_account("slow", {"webhook_url": f"{service.stack.server.url}/rest/{ANN}/{code}/"})
    service.portal.faults.add(Fault.slow_before_effect(30), method="im.chat.mute", times=1)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(service.stack.caller_with(service.credentials).call, "POST", "/slow/im.chat.mute",
                             {"CHAT_ID": SLOW_CHAT})  # fmt: skip
        while service.portal.faults.pending():
            assert not future.done()
        yield future


def test_200_a_chat_is_muted_and_unmuted(service: Service, account: str) -> None:
    response = service.mute(account, {"CHAT_ID": DEAL, "MUTE": "Y"})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["result"] is True
    assert response.json()["time"]["start"] > 0
    assert service.portal.is_muted(ANN, DEAL)
    assert service.mute(account, {"chat_id": str(DEAL), "mute": "N"}).status_code == 200
    assert not service.portal.is_muted(ANN, DEAL)


@pytest.mark.parametrize(
    ("dialog_id", "chat"),
    [("chat1489", DEAL), ("CHAT1489", DEAL), ("sg7", WORKGROUP_CHAT), ("547", PRIVATE), (547, PRIVATE)],
)
def test_200_a_dialog_id_goes_to_the_portal_as_it_is_in_one_call(
    service: Service, account: str, dialog_id: str | int, chat: int
) -> None:
    before = service.asked()
    assert service.mute(account, {"DIALOG_ID": dialog_id}).status_code == 200
    assert service.portal.is_muted(ANN, chat)
    assert service.asked() == before + 1
    assert service.portal.calls[-1].params == {"DIALOG_ID": str(dialog_id).lower(), "MUTE": "Y"}
    service.portal.mute_by_hand(ANN, chat, muted=False)


def test_200_without_time_where_the_portal_sent_none_or_a_strange_one(service: Service, account: str) -> None:
    for fault in (Fault.no_time(), Fault.time("soon"), Fault.time({"start": [1]})):
        service.portal.faults.add(fault, method="im.chat.mute", times=1)
        assert service.mute(account, BODY).json() == {"result": True}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "CHAT_ID_EMPTY"),
        (b"", "CHAT_ID_EMPTY"),
        (b" \n", "CHAT_ID_EMPTY"),
        ({"CHAT_ID": "1489abc"}, "CHAT_ID_EMPTY"),
        ({"CHAT_ID": True}, "CHAT_ID_EMPTY"),
        ({"CHAT_ID": 1489.0}, "CHAT_ID_EMPTY"),
        ({"CHAT_ID": "042"}, "CHAT_ID_EMPTY"),
        ({"CHAT_ID": [7]}, "CHAT_ID_EMPTY"),
        ({"CHAT_ID": 2**63}, "CHAT_ID_EMPTY"),
        ({"DIALOG_ID": ""}, "DIALOG_ID_EMPTY"),
        ({"DIALOG_ID": "chat"}, "DIALOG_ID_EMPTY"),
        ({"DIALOG_ID": "user547"}, "DIALOG_ID_EMPTY"),
        ({"CHAT_ID": 1, "DIALOG_ID": "chat1"}, "INVALID_PARAMETER"),
        ({**BODY, "MUTE": True}, "INVALID_PARAMETER"),
        ({**BODY, "MUTE": "n"}, "INVALID_PARAMETER"),
        ({**BODY, "ACTION": None}, "INVALID_PARAMETER"),
        ({**BODY, "UNTIL": "2027-01-01T00:00:00"}, "INVALID_PARAMETER"),
        ({**BODY, "UNTIL": "2020-01-01T00:00:00Z"}, "INVALID_PARAMETER"),
        ({**BODY, "FOR": "P1M"}, "INVALID_PARAMETER"),
        ({**BODY, "FOR": "PT8H", "UNTIL": "2027-01-01T00:00:00Z"}, "INVALID_PARAMETER"),
        ({**BODY, "FOR": "PT8H", "MUTE": "N"}, "INVALID_PARAMETER"),
        ({**BODY, "REASON": "a\nb"}, "INVALID_PARAMETER"),
        (b"{", "INVALID_PARAMETER"),
        (b"[]", "INVALID_PARAMETER"),
        (b'{"CHAT_ID": 1, "chat_id": 1}', "INVALID_PARAMETER"),
        (b'{"CHAT_ID": NaN}', "INVALID_PARAMETER"),
        (b"\xef\xbb\xbf{}", "INVALID_PARAMETER"),
        (b'{"REASON": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "INVALID_PARAMETER"),
    ],
)
def test_400_what_php_would_misread_never_reaches_the_portal(
    service: Service, account: str, body: Any, code: str
) -> None:
    before = service.asked()
    assert refusal(service.mute(account, body)) == (400, code)
    assert service.asked() == before


def test_400_the_description_names_the_field_and_why(service: Service, account: str) -> None:
    answer = service.mute(account, {**BODY, "MUTE": "yes"}).json()
    assert answer == {"error": "INVALID_PARAMETER", "error_description": 'MUTE: must be exactly "Y" or "N".'}


def test_400_unknown_query_parameters(service: Service, account: str) -> None:
    response = service.call("POST", f"/{account}/im.chat.mute?dry_run=1", BODY)
    assert refusal(response) == (400, "INVALID_PARAMETER")
    assert "dry_run" in response.json()["error_description"]


@pytest.mark.parametrize("key", ["", "with space", "k" * 256])
def test_400_an_idempotency_key_that_is_none(service: Service, account: str, key: str) -> None:
    assert refusal(service.mute(account, BODY, {"Idempotency-Key": key})) == (400, "INVALID_PARAMETER")


@pytest.mark.parametrize("code", ["CHAT_ID_EMPTY", "DIALOG_ID_EMPTY"])
def test_400_also_where_the_portal_says_so(service: Service, account: str, code: str) -> None:
    service.portal.faults.add(Fault.error(code.lower()), method="im.chat.mute", times=1)
    assert refusal(service.mute(account, BODY)) == (400, code)


@pytest.mark.parametrize("chat", [NOT_HERS, OPEN_LINE, 99999])
def test_403_a_chat_that_cannot_be_muted(service: Service, account: str, chat: int) -> None:
    assert refusal(service.mute(account, {"CHAT_ID": chat})) == (403, "ACCESS_ERROR")


def test_403_result_false_means_not_a_member(service: Service, account: str) -> None:
    service.portal.faults.add(Fault.result(False), method="im.chat.mute", times=1)
    assert refusal(service.mute(account, BODY)) == (403, "ACCESS_ERROR")


def test_403_at_the_gateway_for_unsigned_and_for_unknown_paths(service: Service, account: str) -> None:
    stranger = service.stack.caller_with(None)
    assert refusal(service.call_as(stranger, "POST", f"/{account}/im.chat.mute", BODY)) == (403, "FORBIDDEN")
    assert refusal(service.call("PATCH", f"/{account}/im.chat.mute", BODY)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("name", ["nobody", "Default", "a" * 64])
def test_404_no_such_account(service: Service, name: str) -> None:
    assert refusal(service.mute(name, BODY)) == (404, "ACCOUNT_NOT_FOUND")
    assert refusal(service.call("GET", f"/{name}")) == (404, "ACCOUNT_NOT_FOUND")


def test_404_no_such_route(service: Service, account: str) -> None:
    assert refusal(service.call("POST", f"/{account}/im.chat.delete", BODY)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_405_the_wrong_method(service: Service, account: str, method: str) -> None:
    response = service.call(method, f"/{account}/im.chat.mute")
    assert refusal(response) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == "POST"


def test_413_a_body_over_256_kib(service: Service, account: str) -> None:
    frame = len(json.dumps({"REASON": ""}))
    fits = json.dumps({"REASON": "x" * (256 * 1024 - frame)}).encode()
    assert refusal(service.mute(account, fits)) == (400, "CHAT_ID_EMPTY")
    assert refusal(service.mute(account, fits + b" ")) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.error("NO_AUTH_FOUND", status=401), "NO_AUTH_FOUND"),
        (Fault.error("INVALID_CREDENTIALS", status=403), "INVALID_CREDENTIALS"),
        (Fault.error("EXPIRED_TOKEN", status=401), "expired_token"),
        (Fault.error("Insufficient_Scope", "", status=401), "insufficient_scope"),
        (Fault.error("user_access_error", status=401), "user_access_error"),
        (Fault.error("ACCESS_DENIED", status=401), "ACCESS_DENIED"),
        (Fault.error_200("INVALID_REQUEST", "Https required."), "INVALID_REQUEST"),
        (Fault.error("PORTAL_DELETED", status=403), "PORTAL_DELETED"),
        (Fault.error("QUERY_LIMIT_EXCEEDED", status=401), "QUERY_LIMIT_EXCEEDED"),
        (Fault.error("SOMETHING_NEW_42", status=400), "SOMETHING_NEW_42"),
        (Fault.error("no code, but a sentence"), "ERROR_UNEXPECTED_ANSWER"),
        (Fault.error(""), "ERROR_UNEXPECTED_ANSWER"),
        (Fault.error(100), "ERROR_UNEXPECTED_ANSWER"),
        (Fault.error({"code": "X"}), "ERROR_UNEXPECTED_ANSWER"),
        (Fault.result(None), "ERROR_UNEXPECTED_ANSWER"),
        (Fault.result(1), "ERROR_UNEXPECTED_ANSWER"),
        (Fault.no_result(), "ERROR_UNEXPECTED_ANSWER"),
        (Fault.redirect("https://elsewhere.example/rest/"), "PORTAL_MOVED"),
        (Fault.redirect("https://elsewhere.example/rest/", status=308), "PORTAL_MOVED"),
    ],
)
def test_502_what_the_caller_cannot_mend_is_asked_once(service: Service, account: str, fault: Fault, code: str) -> None:
    before = service.asked()
    service.portal.faults.add(fault, method="im.chat.mute", times=9)
    assert refusal(service.mute(account, BODY)) == (502, code)
    assert service.asked() == before + 1


@pytest.mark.parametrize(
    "fault",
    [Fault.bad_json(), Fault.bad_utf8(), Fault.bom(), Fault.deep_json(), Fault.truncated(), Fault.oversized(),
     Fault.oversized(chunked=True), Fault.gzip_bomb(), Fault.html(200), Fault.empty()],
    ids=lambda fault: str(fault.name),
)  # fmt: skip
def test_502_an_unreadable_answer_is_asked_for_once_more(service: Service, account: str, fault: Fault) -> None:
    before = service.asked()
    service.portal.faults.add(fault, method="im.chat.mute", times=2)
    assert refusal(service.mute(account, BODY)) == (502, "ERROR_UNEXPECTED_ANSWER")
    assert service.asked() == before + 2
    service.portal.faults.add(fault, method="im.chat.mute", times=1)
    assert service.mute(account, BODY).status_code == 200


def test_502_html_under_a_5xx_is_retried_then_an_internal_error(service: Service, account: str) -> None:
    before = service.asked()
    service.portal.faults.add(Fault.html(502), method="im.chat.mute", times=4)
    assert refusal(service.mute(account, BODY)) == (502, "INTERNAL_SERVER_ERROR")
    assert service.asked() == before + 4


def test_502_nobody_listens_at_the_portal(new_account: Callable[..., str], service: Service) -> None:
    account = new_account({"webhook_url": "https://127.0.0.1:9/rest/1/c0de5ecretnobody/"})
    assert refusal(service.mute(account, BODY)) == (502, "PORTAL_UNREACHABLE")


@pytest.mark.parametrize(
    "secret",
    [
        "c0de5ecret, not JSON",
        {},
        {"webhook_url": "http://portal.example/rest/1/c0de5ecret/"},
        {"webhook_url": "https://portal.example/rest/api/1/c0de5ecret/"},
        {"webhook_url": ["https://portal.example/rest/1/c0de5ecret/"]},
    ],
)
def test_502_a_secret_that_is_not_what_it_should_be(
    new_account: Callable[..., str], service: Service, secret: dict[str, Any] | str
) -> None:
    account = new_account(secret)
    assert refusal(service.mute(account, BODY)) == (502, "INVALID_CREDENTIALS")
    seen = service.call("GET", f"/{account}").json()
    assert (seen["usable"], seen["error"], seen["portal"]) == (False, "INVALID_CREDENTIALS", None)


def test_503_the_portals_bucket_after_the_retries_that_fit(service: Service, account: str) -> None:
    before = service.asked()
    throttled = Fault.error("QUERY_LIMIT_EXCEEDED", "Too many requests", status=503)
    service.portal.faults.add(throttled, method="im.chat.mute", times=4)
    response = service.mute(account, BODY)
    assert refusal(response) == (503, "QUERY_LIMIT_EXCEEDED")
    assert response.headers["Retry-After"] == "2"
    assert service.asked() == before + 4
    service.portal.faults.add(throttled, method="im.chat.mute", times=2)
    assert service.mute(account, BODY).status_code == 200


@pytest.mark.parametrize(
    ("code", "status", "seconds", "others"),
    [("OPERATION_TIME_LIMIT", 429, 300, 2), ("OVERLOAD_LIMIT", 503, 900, 0), ("OVERLOAD_LIMIT", 401, 900, 0)],
)
def test_503_a_blocked_account_is_not_asked_again(  # noqa: PLR0917
    service: Service, account: str, code: str, status: int, seconds: int, others: int
) -> None:
    before = service.asked()
    service.portal.faults.add(Fault.error(code, status=status), method="im.chat.mute", times=1)
    for _ in range(2):
        response = service.mute(account, BODY)
        assert refusal(response) == (503, code)
        assert seconds - 30 <= int(response.headers["Retry-After"]) <= seconds
    assert service.asked() == before + 1
    service.call("GET", f"/{account}")
    assert service.asked() == before + 1 + others, "OPERATION_TIME_LIMIT stops one method, OVERLOAD_LIMIT all"


def test_502_a_description_comes_out_without_secrets_tags_and_length(service: Service, account: str) -> None:
    service.portal.faults.add(Fault.error_quoting_url("SOMETHING_NEW", status=400), method="im.chat.mute", times=1)
    answer = service.mute(account, BODY)
    assert refusal(answer) == (502, "SOMETHING_NEW")
    assert "c0de5ecret" not in answer.text
    service.portal.faults.add(Fault.error("SOMETHING_NEW", "<b>no</b> " * 999), method="im.chat.mute", times=1)
    description = service.mute(account, BODY).json()["error_description"]
    assert description.startswith("no no no")
    assert len(description) == 300


def test_a_lost_answer_is_asked_for_again_and_the_chat_is_muted_once(service: Service, account: str) -> None:
    service.portal.mute_by_hand(ANN, DEAL, muted=False)
    events = len(service.portal.events)
    service.portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=1)
    assert service.mute(account, BODY).status_code == 200
    assert [event.muted for event in service.portal.events[events:]] == [True]


def test_504_no_answer_in_the_time_budget(service: Service, slow_answer: "Future[requests.Response]") -> None:
    response = slow_answer.result(timeout=40)
    assert refusal(response) == (504, "PORTAL_TIMEOUT")
    service.said.append(response.text)


def test_health_needs_no_signature(service: Service) -> None:
    response = service.call_as(service.stack.caller_with(None), "GET", "/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_the_contract_needs_no_signature_and_is_the_document(service: Service) -> None:
    response = service.call_as(service.stack.caller_with(None), "GET", "/openapi.yaml")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/yaml")
    assert response.content == (ROOT / "docs" / "openapi.yaml").read_bytes()
