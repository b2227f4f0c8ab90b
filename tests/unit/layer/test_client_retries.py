"""Client.call: what is tried again, how often, and how long it waits."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24 import client as client_module
from bitrix24 import errors
from bitrix24.transport import Reply
from tests.unit.layer.doubles import CODE, PAGE, URL, Account, assert_tells_nothing, refusal, reply, success

UNREADABLE = Reply(200, b"<html>")
BUSY = refusal("QUERY_LIMIT_EXCEEDED", 503)
FAILED = Reply(502, PAGE)
UNREACHABLE = errors.PortalUnreachable("refused")

MEANINGS = [
    # what the portal answers, tries in one call, the class, the code that comes out
    (BUSY, 4, errors.QueryLimitExceeded, "QUERY_LIMIT_EXCEEDED"),
    (refusal("query_limit_exceeded", 429), 4, errors.QueryLimitExceeded, "QUERY_LIMIT_EXCEEDED"),
    (refusal("QUERY_LIMIT_EXCEEDED", 200), 4, errors.QueryLimitExceeded, "QUERY_LIMIT_EXCEEDED"),
    (refusal("QUERY_LIMIT_EXCEEDED", 401), 1, errors.AccountBlocked, "QUERY_LIMIT_EXCEEDED"),
    (FAILED, 4, errors.PortalFailed, "INTERNAL_SERVER_ERROR"),
    (Reply(503, b""), 4, errors.PortalFailed, "INTERNAL_SERVER_ERROR"),
    (Reply(500, b"{}"), 4, errors.PortalFailed, "INTERNAL_SERVER_ERROR"),
    (refusal("INTERNAL_SERVER_ERROR", 500), 4, errors.PortalFailed, "INTERNAL_SERVER_ERROR"),
    (refusal("ERROR_UNEXPECTED_ANSWER", 500), 4, errors.PortalFailed, "ERROR_UNEXPECTED_ANSWER"),
    (refusal("CONNECTION_ERROR", 401), 4, errors.PortalFailed, "CONNECTION_ERROR"),
    (UNREACHABLE, 4, errors.PortalUnreachable, "PORTAL_UNREACHABLE"),
    (errors.PortalTimeout(), 4, errors.PortalTimeout, "PORTAL_TIMEOUT"),
    (UNREADABLE, 2, errors.UnreadableAnswer, "ERROR_UNEXPECTED_ANSWER"),
    (Reply(200, b""), 2, errors.UnreadableAnswer, "ERROR_UNEXPECTED_ANSWER"),
    (Reply(403, PAGE), 2, errors.UnreadableAnswer, "ERROR_UNEXPECTED_ANSWER"),
    (errors.UnreadableAnswer("over 1 MiB"), 2, errors.UnreadableAnswer, "ERROR_UNEXPECTED_ANSWER"),
    (reply(200, {}), 1, errors.UnexpectedAnswer, "ERROR_UNEXPECTED_ANSWER"),
    (reply(400, {"error": 100}), 1, errors.UnexpectedAnswer, "ERROR_UNEXPECTED_ANSWER"),
    (reply(500, {"error": {"code": "X"}}), 1, errors.UnexpectedAnswer, "ERROR_UNEXPECTED_ANSWER"),
    (Reply(302, b""), 1, errors.PortalMoved, "PORTAL_MOVED"),
    (refusal("OPERATION_TIME_LIMIT", 429), 1, errors.Paused, "OPERATION_TIME_LIMIT"),
    (refusal("OVERLOAD_LIMIT", 503), 1, errors.Paused, "OVERLOAD_LIMIT"),
    (refusal("OVERLOAD_LIMIT", 401), 1, errors.Paused, "OVERLOAD_LIMIT"),
    (refusal("CHAT_ID_EMPTY"), 1, errors.InvalidChatId, "CHAT_ID_EMPTY"),
    (refusal("DIALOG_ID_EMPTY"), 1, errors.InvalidChatId, "DIALOG_ID_EMPTY"),
    (refusal("ACCESS_ERROR", 403), 1, errors.AccessRefused, "ACCESS_ERROR"),
    (refusal("ACCESS_ERROR", 200), 1, errors.AccessRefused, "ACCESS_ERROR"),
    (refusal("NO_AUTH_FOUND", 401), 1, errors.CredentialError, "NO_AUTH_FOUND"),
    (refusal("INVALID_CREDENTIALS", 401), 1, errors.CredentialError, "INVALID_CREDENTIALS"),
    (refusal("expired_token", 401), 1, errors.CredentialError, "expired_token"),
    (refusal("invalid_token", 401), 1, errors.CredentialError, "invalid_token"),
    (refusal("insufficient_scope", 401), 1, errors.CredentialError, "insufficient_scope"),
    (refusal("user_access_error", 401), 1, errors.CredentialError, "user_access_error"),
    (refusal("authorization_error", 401), 1, errors.CredentialError, "authorization_error"),
    (refusal("APPLICATION_NOT_FOUND", 401), 1, errors.CredentialError, "APPLICATION_NOT_FOUND"),
    (refusal("ACCESS_DENIED", 401), 1, errors.AccountBlocked, "ACCESS_DENIED"),
    (refusal("PORTAL_DELETED", 403), 1, errors.AccountBlocked, "PORTAL_DELETED"),
    (refusal("PAYMENT_REQUIRED", 402), 1, errors.AccountBlocked, "PAYMENT_REQUIRED"),
    (refusal("INVALID_REQUEST", 403), 1, errors.Bitrix24Error, "INVALID_REQUEST"),
    (refusal("ERROR_METHOD_NOT_FOUND", 404), 1, errors.Bitrix24Error, "ERROR_METHOD_NOT_FOUND"),
    (refusal("WRONG_ENCODING", 200), 1, errors.Bitrix24Error, "WRONG_ENCODING"),
    (refusal("Brand_New_4711", 500), 1, errors.Bitrix24Error, "Brand_New_4711"),
]


@pytest.mark.parametrize(("step", "tries", "meaning", "code"), MEANINGS)
def test_each_error_is_met_as_often_as_it_may_pass(step: Any, tries: int, meaning: type, code: str) -> None:
    account = Account(step)
    error = account.failure()
    assert type(error) is meaning
    assert error.code == code
    assert account.tries == tries
    if meaning is not errors.QueryLimitExceeded:  # after which the portal's limit makes everybody wait besides
        assert len(account.clock.slept) == tries - 1
    assert_tells_nothing(error)


@pytest.mark.parametrize(("step", "tries", "_meaning", "_code"), [row for row in MEANINGS if row[1] > 1])
def test_a_success_after_an_error_that_passed_is_a_success(step: Any, tries: int, _meaning: type, _code: str) -> None:
    account = Account(*[step] * (tries - 1), success())
    assert account.call() is True
    assert account.tries == tries


@pytest.mark.parametrize("step", [step for step, tries, _, _ in MEANINGS if tries == 1])
def test_an_error_that_will_not_pass_is_final(step: Any) -> None:
    account = Account(step, success())
    account.failure()
    assert account.tries == 1
    assert account.clock.slept == []


@pytest.mark.parametrize(
    ("steps", "tries", "code"),
    [
        ([BUSY, UNREADABLE, UNREADABLE, success()], 3, "ERROR_UNEXPECTED_ANSWER"),
        ([UNREADABLE, BUSY, UNREADABLE, success()], 3, "ERROR_UNEXPECTED_ANSWER"),
        ([UNREADABLE, BUSY, FAILED, UNREACHABLE, success()], 4, "PORTAL_UNREACHABLE"),
        ([BUSY, FAILED, UNREACHABLE, BUSY, success()], 4, "QUERY_LIMIT_EXCEEDED"),
        ([FAILED, refusal("ACCESS_ERROR", 403), success()], 2, "ACCESS_ERROR"),
        ([BUSY, refusal("QUERY_LIMIT_EXCEEDED", 401), success()], 2, "QUERY_LIMIT_EXCEEDED"),
        ([UNREACHABLE, Reply(302, b""), success()], 2, "PORTAL_MOVED"),
    ],
)
def test_mixed_errors_share_four_tries_and_the_last_one_is_told(steps: list[Any], tries: int, code: str) -> None:
    account = Account(*steps)
    assert account.failure().code == code
    assert account.tries == tries


def test_mixed_errors_may_still_end_well() -> None:
    account = Account(BUSY, UNREADABLE, FAILED, success())
    assert account.call() is True


def test_waits_have_full_jitter_from_half_a_second_doubling(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[tuple[float, float]] = []

    def longest(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    monkeypatch.setattr(client_module._jitter, "uniform", longest)
    account = Account(FAILED)
    account.failure()
    assert bounds[:3] == [(0, 0.5), (0, 1.0), (0, 2.0)]
    assert account.clock.slept == [0.5, 1.0, 2.0]


def test_waits_really_are_random_and_within_their_bounds() -> None:
    waits = []
    for _ in range(50):
        account = Account(FAILED)
        account.failure()
        waits.append(tuple(account.clock.slept))
    assert all(0 <= wait <= bound for trio in waits for wait, bound in zip(trio, (0.5, 1.0, 2.0), strict=True))
    assert len(set(waits)) > 40


@given(
    st.floats(min_value=0, max_value=4),
    st.lists(st.sampled_from([BUSY, FAILED, UNREADABLE, UNREACHABLE, errors.PortalTimeout()]), min_size=4, max_size=4),
)
def test_it_never_waits_beyond_its_budget(seconds: float, steps: list[Any]) -> None:
    account = Account(*steps, seconds=seconds)
    account.failure()
    assert account.time_left() >= 0
    assert 1 <= account.tries <= 4


def test_a_wait_that_does_not_fit_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module._jitter, "uniform", lambda _low, high: high)
    account = Account(FAILED, success(), seconds=0.5)
    assert account.failure().code == "INTERNAL_SERVER_ERROR"
    assert account.clock.slept == []
    assert Account(FAILED, success(), seconds=0.6).call() is True


def test_time_spent_in_a_try_counts() -> None:
    account = Account(UNREACHABLE)

    def slow() -> Reply:
        account.clock.forward(60)
        return BUSY

    account.transport.steps = [slow]
    assert account.failure().code == "QUERY_LIMIT_EXCEEDED"
    assert account.tries == 2
    assert account.time_left() < 0, "the second try itself took it, not a wait"


def test_each_try_sends_the_same_json_to_the_method() -> None:
    account = Account(BUSY, success())
    account.client.call("im.dialog.get", {"DIALOG_ID": "chat1", "X": "\u0427"}, time_left=account.time_left)
    assert len(set(account.transport.asked)) == 1
    url, body = account.transport.asked[0]
    assert url == URL + "im.dialog.get"
    assert json.loads(body) == {"DIALOG_ID": "chat1", "X": "\u0427"}


def test_without_parameters_an_empty_object_is_sent() -> None:
    account = Account(success())
    account.client.call("profile", time_left=account.time_left)
    assert account.transport.asked == [(URL + "profile", b"{}")]


def test_a_description_of_the_portal_is_kept_and_a_missing_one_replaced() -> None:
    assert Account(refusal("ACCESS_ERROR", 403, "Nope")).failure().description == "Nope"
    assert "cannot be muted" in Account(refusal("ACCESS_ERROR", 403)).failure().description
    assert Account(refusal("BRAND_NEW", 403)).failure().description == "The portal gave no description."


def test_a_description_that_quotes_the_url_does_not_let_the_code_out() -> None:
    error = Account(refusal("INVALID_REQUEST", 400, f"in <b>{URL}</b> and {CODE[:6]}<i>{CODE[6:]}</i>")).failure()
    assert error.description == "in https://portal.example/rest/503/***/ and ***"
    assert_tells_nothing(error)


def test_raised_errors_have_no_hidden_context() -> None:
    error = Account(UNREACHABLE, FAILED, UNREADABLE).failure()
    assert error.__cause__ is None
    assert error.__context__ is None
