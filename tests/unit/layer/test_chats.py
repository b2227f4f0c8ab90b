"""The chat methods: exactly what is sent, and which answers count."""

from typing import Any

import pytest

from bitrix24 import errors, muting, users
from tests.unit.layer.doubles import URL, Account, reply, success


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"chat_id": 1489, "muted": True}, b'{"CHAT_ID": 1489, "MUTE": "Y"}'),
        ({"chat_id": 1489, "muted": False}, b'{"CHAT_ID": 1489, "MUTE": "N"}'),
        ({"chat_id": 2**63 - 1, "muted": True}, b'{"CHAT_ID": 9223372036854775807, "MUTE": "Y"}'),
        ({"dialog_id": "chat1489", "muted": True}, b'{"DIALOG_ID": "chat1489", "MUTE": "Y"}'),
        ({"dialog_id": "sg7", "muted": False}, b'{"DIALOG_ID": "sg7", "MUTE": "N"}'),
        ({"dialog_id": "547", "muted": True}, b'{"DIALOG_ID": "547", "MUTE": "Y"}'),
        ({"chat_id": None, "dialog_id": "547", "muted": True}, b'{"DIALOG_ID": "547", "MUTE": "Y"}'),
        ({"chat_id": 7, "dialog_id": None, "muted": True}, b'{"CHAT_ID": 7, "MUTE": "Y"}'),
    ],
)
def test_mute_sends_one_id_and_y_or_n_in_one_call(arguments: dict[str, Any], body: bytes) -> None:
    account = Account(success(time={"start": 1}))
    answer = muting.mute(account.client, **arguments, time_left=account.time_left)
    assert account.transport.asked == [(URL + "im.chat.mute", body)]
    assert (answer.result, answer.time) == (True, {"start": 1})


@pytest.mark.parametrize("ids", [{}, {"chat_id": None, "dialog_id": None}, {"chat_id": 1, "dialog_id": "chat1"}])
def test_mute_takes_exactly_one_id(ids: dict[str, Any]) -> None:
    account = Account(success())
    with pytest.raises(ValueError, match="exactly one"):
        muting.mute(account.client, **ids, muted=True, time_left=account.time_left)
    assert account.tries == 0


def mute(result: Any) -> None:
    account = Account(success(result), success(True))
    try:
        muting.mute(account.client, chat_id=1, muted=True, time_left=account.time_left)
    finally:
        assert account.tries == 1, "the portal's word on it is final"


def test_result_false_is_an_access_error() -> None:
    with pytest.raises(errors.AccessRefused) as caught:
        mute(False)
    assert caught.value.code == "ACCESS_ERROR"


@pytest.mark.parametrize("result", [None, 1, 0, "true", "Y", "", [], [True], {}, 1.0])
def test_any_result_but_true_and_false_is_unexpected(result: Any) -> None:
    with pytest.raises(errors.UnexpectedAnswer) as caught:
        mute(result)
    assert caught.value.code == "ERROR_UNEXPECTED_ANSWER"


def test_a_missing_result_is_unexpected() -> None:
    account = Account(reply(200, {"time": {}}))
    with pytest.raises(errors.UnexpectedAnswer):
        muting.mute(account.client, chat_id=1, muted=True, time_left=account.time_left)
    assert account.tries == 1


@pytest.mark.parametrize(
    ("given", "user_id"), [("503", 503), (503, 503), ("1", 1), ("0503", 503), (2**63 - 1, 2**63 - 1)]
)
def test_profile_id_reads_a_text_or_a_number(given: Any, user_id: int) -> None:
    account = Account(success({"ID": given, "ADMIN": False}))
    assert users.profile_id(account.client, time_left=account.time_left) == user_id
    assert account.transport.asked == [(URL + "profile", b"{}")]


@pytest.mark.parametrize(
    "profile",
    [
        None,
        [],
        True,
        "503",
        {},
        {"id": "503"},
        {"ID": None},
        {"ID": True},
        {"ID": ""},
        {"ID": "-1"},
        {"ID": " 503"},
        {"ID": "503a"},
        {"ID": "\u0665"},
        {"ID": "1" * 20},
        {"ID": 503.0},
        {"ID": ["503"]},
    ],
)
def test_a_profile_without_an_id_is_unexpected(profile: Any) -> None:
    account = Account(success(profile))
    with pytest.raises(errors.UnexpectedAnswer):
        users.profile_id(account.client, time_left=account.time_left)


@pytest.mark.parametrize("scopes", [[], ["im"], ["im", "user_brief", "im"]])
def test_scope_is_a_set_of_texts(scopes: list[str]) -> None:
    account = Account(success(scopes))
    assert users.scope(account.client, time_left=account.time_left) == frozenset(scopes)
    assert account.transport.asked == [(URL + "scope", b"{}")]


@pytest.mark.parametrize("scopes", [None, "im", {"im": True}, ["im", 7], [None], True])
def test_a_scope_that_is_no_list_of_texts_is_unexpected(scopes: Any) -> None:
    account = Account(success(scopes))
    with pytest.raises(errors.UnexpectedAnswer):
        users.scope(account.client, time_left=account.time_left)
