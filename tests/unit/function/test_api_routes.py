"""Api.handle: routes, methods, bodies, headers, and that it answers whatever comes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_mute.api import ANSWER_LENGTH
from chat_mute.gateway import BODY_BYTES
from chat_mute.observability import Telemetry
from tests.unit.function.doubles import (
    SECRETS,
    Context,
    FakeAccountCheck,
    FakeClock,
    FakeMuting,
    api,
    tables,
)
from tests.unit.function.events import api_event, post

pytestmark = pytest.mark.usefixtures("telemetry")
CHAT = '{"CHAT_ID": 1}'


class Service:
    """The API before stand-ins."""

    def __init__(self, muting: FakeMuting | None = None, check: FakeAccountCheck | None = None) -> None:
        self.muting = muting or FakeMuting()
        self.check = check or FakeAccountCheck()
        self.clock = FakeClock()
        self.dynamodb = tables()
        self.api = api(self.muting, self.check, self.dynamodb, Telemetry(), self.clock)

    def answer(self, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        response = self.api.handle(event, Context())
        assert response["headers"]["Content-Type"] == "application/json"
        assert response["isBase64Encoded"] is False
        return response["statusCode"], json.loads(response["body"])


@pytest.fixture
def service() -> Service:
    return Service()


def account(method: str = "GET", name: str = "default", **options: Any) -> dict[str, Any]:
    return api_event(method, "/{account}", {"account": name}, **options)


def below(method: str, rest: str, **options: Any) -> dict[str, Any]:
    return api_event(method, "/{account}/{proxy+}", {"account": "default", "proxy": rest}, **options)


# ---- routes ---------------------------------------------------------------------------------------------------------


def test_health_is_ok_without_asking_anybody(service: Service) -> None:
    assert service.answer(api_event("GET", "/health", None)) == (200, {"status": "ok"})
    assert (service.muting.asked, service.check.asked, service.dynamodb.calls) == ([], [], {})


@pytest.mark.parametrize("name", ["default", "health", "Not-A-Name", "\u00e9"])
def test_an_account_is_checked_now(service: Service, name: str) -> None:
    assert service.answer(account(name=name)) == (200, {"usable": True})
    assert service.check.asked == [(name, service.clock.now())]


def test_a_mute_goes_to_the_use_case_with_the_account_and_the_caller(service: Service) -> None:
    event = post('{"dialog_id": "CHAT42", "MUTE": "N", "REASON": "x"}', account="team-a")
    assert service.answer(event) == (200, {"result": True})
    ((name, request, by),) = service.muting.asked
    assert (name, request.chat, request.muted, request.reason) == ("team-a", "chat42", False, "x")
    assert by == "caller:arn:aws:iam::123456789012:user/ci"


def test_the_path_is_not_read_because_a_custom_domain_prefixes_it(service: Service) -> None:
    event = post(CHAT)
    event["path"] = "/anything/health"
    assert service.answer(event)[0] == 200


@pytest.mark.parametrize(
    "rest",
    ["im.chat.mute/", "im.chat.mute.json", "IM.CHAT.MUTE", "im.chat.mute/x", "im.chat.unmute", "..", "health"],
)
def test_a_route_that_is_not_there_is_not_found(service: Service, rest: str) -> None:
    status, body = service.answer(below("POST", rest, body=CHAT))
    assert (status, body["error"]) == (404, "NOT_FOUND")
    assert service.muting.asked == []


@pytest.mark.parametrize(
    ("event", "allowed"),
    [
        *[(below(method, "im.chat.mute"), "POST") for method in ("GET", "PUT", "DELETE", "PATCH", "post")],
        *[(account(method), "GET") for method in ("POST", "PUT", "DELETE", "HEAD")],
        (below("POST", ""), "GET"),
        *[(api_event(method, "/health", None), "GET") for method in ("POST", "HEAD")],
    ],
)
def test_a_method_a_route_does_not_have_is_told_with_the_one_it_has(event: dict[str, Any], allowed: str) -> None:
    response = Service().api.handle(event, Context())
    assert response["statusCode"] == 405
    assert response["headers"]["Allow"] == allowed
    assert json.loads(response["body"])["error"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("event", [post(CHAT), account(), api_event("GET", "/health", None)])
@pytest.mark.parametrize("query", [{"debug": "1"}, {"CHAT_ID": "7"}, {"auth": ""}, {"\ud800\n": "x"}])
def test_an_unknown_query_parameter_is_refused_on_every_route(event: dict[str, Any], query: dict[str, str]) -> None:
    status, body = Service().answer({**event, "queryStringParameters": query})
    assert (status, body["error"]) == (400, "INVALID_PARAMETER")
    assert body["error_description"].endswith(": unknown query parameter.")


def test_an_api_call_has_25_s_at_most_and_keeps_a_second_for_itself() -> None:
    for milliseconds, seconds in ((120_000, 25), (20_000, 19), (500, -0.5)):
        service = Service()
        service.api.handle(post(CHAT), Context(milliseconds))
        assert service.muting.budgets == [pytest.approx(seconds, abs=0.5)]


# ---- bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_is_json_whatever_the_content_type(service: Service, content_type: str | None) -> None:
    headers = {"Content-Type": [content_type]} if content_type else {}
    assert service.answer(post(CHAT, headers=headers))[0] == 200


@pytest.mark.parametrize("body", [None, "", "  \n"])
def test_no_body_is_an_empty_object_which_names_no_chat(service: Service, body: str | None) -> None:
    status, answer = service.answer(post(body))
    assert (status, answer["error"]) == (400, "CHAT_ID_EMPTY")


def test_a_base64_body_is_decoded(service: Service) -> None:
    body = base64.b64encode('{"CHAT_ID": 1, "REASON": "\u0427\u0430\u0442"}'.encode()).decode()
    assert service.answer(post(body, base64=True))[0] == 200
    assert service.muting.asked[0][1].reason == "\u0427\u0430\u0442"


@pytest.mark.parametrize(
    ("body", "is_base64"),
    [
        (base64.b64encode(b'{"CHAT_ID": "\xff"}').decode(), True),
        (base64.b64encode(CHAT.encode("utf-16")).decode(), True),
        ("not base64!", True),
        ("e30", True),
        ("\u00e9", True),
        ('{"REASON": "\ud800"}', False),
    ],
)
def test_a_body_that_is_not_utf8_is_refused(service: Service, body: str, is_base64: bool) -> None:
    status, answer = service.answer(post(body, base64=is_base64))
    assert (status, answer) == (400, {"error": "INVALID_PARAMETER", "error_description": "body: not UTF-8."})


@pytest.mark.parametrize("is_base64", [False, True])
@pytest.mark.parametrize("character", ["x", "\u0427", "\U0001f600"])
def test_a_body_may_have_256_kib_and_not_one_byte_more(service: Service, character: str, is_base64: bool) -> None:
    size = len(character.encode())
    padding = BODY_BYTES - len('{"CHAT_ID":1,"X":""}')
    text = '{"CHAT_ID":1,"X":"' + character * (padding // size) + " " * (padding % size) + '"}'
    assert len(text.encode()) == BODY_BYTES
    for body, status, code in ((text, 400, "INVALID_PARAMETER"), (text + " ", 413, "TOO_LARGE")):
        sent = base64.b64encode(body.encode()).decode() if is_base64 else body
        got, answer = service.answer(post(sent, base64=is_base64))
        assert (got, answer["error"]) == (status, code)


def test_an_answer_that_lambda_would_not_hand_on_is_refused(service: Service) -> None:
    """Lambda fails an invocation whose answer is over 6 MB, and the gateway would call that our own fault."""
    service.check.outcome = {"error": "x" * (ANSWER_LENGTH - len('{"error": ""}'))}
    assert service.answer(account())[0] == 200
    service.check.outcome = {"error": "x" * (ANSWER_LENGTH - len('{"error": ""}') + 1)}
    status, body = service.answer(account())
    assert (status, body["error"]) == (413, "TOO_LARGE")


# ---- who calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "caller"),
    [
        ({"userArn": "arn:aws:iam::1:user/path/ci"}, "arn:aws:iam::1:user/path/ci"),
        ({"userArn": "arn:aws:sts::1:assumed-role/Deploy/session-4711"}, "arn:aws:sts::1:assumed-role/Deploy"),
        ({"userArn": "arn:aws:sts::1:assumed-role/Deploy/ann@example.com"}, "arn:aws:sts::1:assumed-role/Deploy"),
        ({"userArn": "arn:aws-us-gov:sts::1:assumed-role/D/s"}, "arn:aws-us-gov:sts::1:assumed-role/D"),
        ({"userArn": "arn:aws:sts::1:federated-user/ann"}, "arn:aws:sts::1:federated-user/ann"),
        ({"userArn": "arn:aws:iam::1:user/assumed-role/x"}, "arn:aws:iam::1:user/assumed-role/x"),
        ({"userArn": "arn:aws:iam::1:root"}, "arn:aws:iam::1:root"),
        ({"userArn": None, "apiKeyId": "k3yid"}, "k3yid"),
        ({"userArn": "arn:aws:iam::1:user/ci", "apiKeyId": "k3yid"}, "arn:aws:iam::1:user/ci"),
        ({"userArn": None, "apiKeyId": None}, "unknown"),
    ],
)
def test_the_caller_is_the_arn_without_a_session_or_the_api_keys_id(
    service: Service, identity: dict[str, Any], caller: str
) -> None:
    service.answer(post(CHAT, identity={**identity, "apiKey": SECRETS[0]}))
    assert service.muting.asked[0][2] == f"caller:{caller}"


# ---- whatever comes -------------------------------------------------------------------------------------------------

HEADERS = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "idempotency-key", "Content-Type"]) | st.text(max_size=8),
    st.lists(st.text(max_size=20), max_size=2),
    max_size=3,
)


@given(st.none() | st.text(max_size=60), st.booleans(), st.none() | HEADERS, st.text(max_size=12))
def test_any_body_header_and_account_get_an_answer_in_the_contracts_shape(
    body: str | None, is_base64: bool, headers: Any, name: str
) -> None:
    service = Service()
    status, answer = service.answer(post(body, account=name, base64=is_base64, headers=headers))
    assert status in {200, 400}, "never an error of our own"
    if status == 200:
        assert answer == {"result": True}
    else:
        assert set(answer) == {"error", "error_description"}


@pytest.mark.parametrize(
    "event",
    [
        {"httpMethod": "GET", "requestContext": None},
        {"httpMethod": "GET", "requestContext": {}},
        {"httpMethod": "GET", "requestContext": {"requestId": "r"}},
        {**post(CHAT), "requestContext": {"requestId": "r"}},
        {**post(CHAT), "body": 7},
        {**post(CHAT), "multiValueHeaders": {"Idempotency-Key": None}},
    ],
)
def test_an_event_no_gateway_sends_is_our_own_fault_and_still_answered(event: dict[str, Any]) -> None:
    status, answer = Service().answer(event)
    assert (status, answer["error"]) == (500, "INTERNAL_SERVER_ERROR")
