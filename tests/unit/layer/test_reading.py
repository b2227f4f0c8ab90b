"""Reading chats: exactly what is sent, and what each shape of an answer means."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bitrix24 import Command, chats, errors, users
from bitrix24.chats import Chat
from tests.unit.layer.doubles import URL, Account, reply, success

ME, BEN = 503, 547
SCOPE = Command("scope")


def dialog(found: Any, name: str = "chat7") -> Chat:
    account = Account(success(found))
    chat = chats.dialog(account.client, name, time_left=account.time_left)
    sent = json.dumps({"DIALOG_ID": name}).encode()
    assert account.transport.asked == [(URL + "im.dialog.get", sent)], "one call, and not in a batch"
    return chat


def listed(*items: Any) -> list[Chat]:
    account = Account(success({"items": list(items), "hasMore": False}))
    return list(chats.recent_chats(account.client, time_left=account.time_left))


def batch_answer(results: Mapping[str, Any], refused: Mapping[str, str] | None = None) -> Any:
    """PHP's `batch`: an empty map is ``[]``."""
    said = {key: {"error": code, "error_description": ""} for key, code in (refused or {}).items()}
    return success({"result": dict(results) or [], "result_error": said or [], "result_time": []})


def commands(account: Account, request: int = 0) -> dict[str, str]:
    url, body = account.transport.asked[request]
    assert url == URL + "batch"
    cmd: dict[str, str] = json.loads(body)["cmd"]
    return cmd


# ---- names ----


@pytest.mark.parametrize("entity_type", ["SONET_GROUP", "sonet_group", "Sonet_Group"])
@pytest.mark.parametrize("number", [7, "7"])
def test_a_workgroups_chat_is_known_as_sg_too_in_both_readings(entity_type: str, number: Any) -> None:
    details = {"id": 70, "type": "sonetGroup", "entity_type": entity_type, "entity_id": number}
    assert dialog({**details, "dialog_id": "chat70"}, "chat70").aliases == ("sg7",)
    (chat,) = listed({"id": "chat70", "chat_id": 70, "type": "chat", "chat": details})
    assert (chat.dialog_id, chat.type, chat.aliases) == ("chat70", "sonetGroup", ("sg7",))


@pytest.mark.parametrize("number", [None, "", 0, "0", -7, "-7", "7|8", "DEAL|7", True, 7.0, [7], "\u0667", "1" * 20])
def test_an_entity_that_is_no_number_names_nothing(number: Any) -> None:
    assert dialog({"id": 7, "entity_type": "SONET_GROUP", "entity_id": number}).aliases == ()


@pytest.mark.parametrize("entity_type", [None, "", "CRM", "TASKS", "SONET_GROUP_2", ["SONET_GROUP"], 7])
def test_a_number_of_another_entity_names_no_workgroup(entity_type: Any) -> None:
    assert dialog({"id": 7, "entity_type": entity_type, "entity_id": "7"}).aliases == ()


@pytest.mark.parametrize(
    ("name", "aliases"),
    [("crm9", ("crm9",)), ("CRM9", ("crm9",)), ("sg5", ("sg5",)), ("chat7", ()), ("CHAT7", ()), ("547", ("547",))],
)
def test_the_name_a_chat_was_asked_for_by_is_one_of_its_names(name: str, aliases: tuple[str, ...]) -> None:
    assert dialog({"id": 7, "dialog_id": "chat7"}, name).aliases == aliases


def test_no_name_comes_twice() -> None:
    workgroup = {"id": 70, "entity_type": "SONET_GROUP", "entity_id": "7"}
    assert dialog(workgroup, "sg7").aliases == ("sg7",)
    assert dialog(workgroup, "sg8").aliases == ("sg7", "sg8")
    assert dialog({**workgroup, "dialog_id": "sg7"}, "sg7") == Chat(70, "sg7", "chat", "", muted=None, mutable=True)
    assert dialog({"id": 1231, "dialog_id": "547", "type": "private"}, "547").aliases == ()


# ---- private chats ----


@pytest.mark.parametrize(
    ("mute_list", "muted"),
    [({"mute_list": []}, False), ({"mute_list": {"503": True}}, True), ({"mute_list": [503]}, True), ({}, None)],
)
def test_a_private_chat_is_named_by_the_other_user_in_both_readings(mute_list: dict[str, Any], muted: Any) -> None:
    private = Chat(1231, "547", "private", "J. Doe", muted=muted, mutable=True)
    details = {"text_field_enabled": True, "background_id": None, **mute_list}
    assert listed({"id": BEN, "chat_id": 1231, "type": "user", "title": "J. Doe", "chat": details}) == [private]
    found = {"id": 1231, "name": "J. Doe", "type": "private", "dialog_id": "547", **mute_list}
    assert dialog(found, "547") == private
    assert dialog({**found, "dialog_id": BEN}, "chat1231") == private


def test_what_the_portal_leaves_out_or_sends_as_null_is_filled_in() -> None:
    nothing = Chat(7, "chat7", "chat", "", muted=None, mutable=True)
    nulls = dict.fromkeys(("dialog_id", "type", "name", "title", "mute_list", "restrictions", "entity_type"))
    assert dialog({"id": 7}) == dialog({"id": "7", **nulls}) == nothing
    assert listed({"chat_id": 7}, {"chat_id": "8", "id": None, "title": None, "chat": []})[0] == nothing
    assert listed({"id": "chat7", "chat_id": None, "chat": {"id": 7, "type": None}}) == [nothing]


@pytest.mark.parametrize("found", [None, [], True, "chat7", {}, {"id": 0}, {"id": "chat7"}])
def test_an_answer_that_is_no_chat_is_unexpected(found: Any) -> None:
    with pytest.raises(errors.UnexpectedAnswer):
        dialog(found)


# ---- who we are ----


def checked(account: Account) -> Any:
    return users.checked_call(account.client, SCOPE, time_left=account.time_left).result


@pytest.mark.parametrize("user_id", [ME, str(ME)])
def test_a_call_and_the_profile_go_in_one_request(user_id: Any) -> None:
    account = Account(batch_answer({"profile": {"ID": user_id}, "command": ["im"]}))
    assert checked(account) == ["im"]
    assert commands(account) == {"profile": "profile?", "command": "scope?"}
    assert account.tries == 1


@pytest.mark.parametrize("rest", [{"command": ["im"]}, {"command": None}, {}])
def test_somebody_else_is_told_whatever_became_of_the_call(rest: dict[str, Any]) -> None:
    refused = {} if rest else {"command": "ACCESS_ERROR"}
    account = Account(batch_answer({"profile": {"ID": str(BEN)}, **rest}, refused))
    with pytest.raises(errors.UserChanged) as caught:
        checked(account)
    assert caught.value.code == "USER_CHANGED"
    assert isinstance(caught.value, errors.OF_THE_ACCOUNT)


@pytest.mark.parametrize(
    ("results", "refused", "error"),
    [
        ({"profile": {"ID": "503"}}, {"command": "ACCESS_ERROR"}, errors.AccessRefused),
        ({"profile": {"ID": "503"}}, {"command": "DIALOG_ID_EMPTY"}, errors.InvalidChatId),
        ({"profile": {"ID": "503"}}, {"command": "insufficient_scope"}, errors.CredentialError),
        ({"command": ["im"]}, {"profile": "user_access_error"}, errors.CredentialError),
        ({"command": ["im"]}, {"profile": "OPERATION_TIME_LIMIT"}, errors.Paused),
        ({}, {"profile": "ACCESS_DENIED", "command": "ACCESS_ERROR"}, errors.AccountBlocked),
        ({"profile": [], "command": ["im"]}, {}, errors.UnexpectedAnswer),
        ({"profile": {"ID": None}, "command": ["im"]}, {}, errors.UnexpectedAnswer),
        ({"command": ["im"]}, {}, errors.NotExecuted),
        ({"profile": {"ID": "503"}}, {}, errors.NotExecuted),
        ({}, {}, errors.NotExecuted),
    ],
)
def test_without_both_answers_there_is_none(
    results: dict[str, Any], refused: dict[str, str], error: type[errors.Bitrix24Error]
) -> None:
    with pytest.raises(error) as caught:
        checked(Account(batch_answer(results, refused)))
    assert type(caught.value) is error


def test_a_failure_of_the_whole_request_is_raised() -> None:
    account = Account(reply(401, {"error": "INVALID_CREDENTIALS", "error_description": ""}))
    with pytest.raises(errors.CredentialError):
        checked(account)
    assert account.tries == 1


def test_a_result_of_null_is_an_answer() -> None:
    assert checked(Account(batch_answer({"profile": {"ID": "503"}, "command": None}))) is None


def test_a_dialog_and_the_first_page_are_read_as_without_the_check() -> None:
    found = {"id": 70, "name": "Ops & more", "dialog_id": "chat70", "mute_list": [503]}
    account = Account(batch_answer({"profile": {"ID": "503"}, "command": found}))
    chat = chats.dialog(account.client, "sg7", time_left=account.time_left, check_user=True)
    assert chat == Chat(70, "chat70", "chat", "Ops & more", muted=True, mutable=True, aliases=("sg7",))
    assert commands(account)["command"] == "im.dialog.get?DIALOG_ID=sg7"

    page = {"items": [{"id": "chat7", "chat_id": 7, "type": "chat", "title": "T", "chat": {"mute_list": []}}]}
    account = Account(batch_answer({"profile": {"ID": "503"}, "command": page}))
    (chat,) = chats.recent_chats(account.client, time_left=account.time_left, check_user=True)
    assert (chat.chat_id, chat.muted) == (7, False)
    assert commands(account)["command"] == "im.recent.list?SKIP_OPENLINES=Y&LIMIT=200&OFFSET=0"


# ---- many ----


def told(account: Account, *names: str) -> list[tuple[str, Any]]:
    outcomes = chats.dialogs(account.client, names, time_left=account.time_left)
    return [(name, one.chat_id if isinstance(one, Chat) else type(one)) for name, one in outcomes]


def test_each_name_has_its_outcome_whatever_the_answers_shape() -> None:
    account = Account(
        batch_answer({"c0": {"id": 1}, "c2": None, "c3": []}, {"c1": "ACCESS_ERROR", "c4": "DIALOG_ID_EMPTY"})
    )
    assert told(account, "chat1", "chat2", "chat3", "sg4", "crm5") == [
        ("chat1", 1),
        ("chat2", errors.AccessRefused),
        ("chat3", errors.UnexpectedAnswer),
        ("sg4", errors.UnexpectedAnswer),
        ("crm5", errors.InvalidChatId),
    ]
    assert list(commands(account).values())[3] == "im.dialog.get?DIALOG_ID=sg4"


def test_all_refused_and_nothing_told_are_empty_lists_in_php() -> None:
    assert told(Account(batch_answer({}, {"c0": "ACCESS_ERROR"})), "chat1") == [("chat1", errors.AccessRefused)]
    assert told(Account(batch_answer({})), "chat1") == [("chat1", errors.NotExecuted)]


def test_a_name_given_twice_is_told_twice_and_none_costs_nothing() -> None:
    found = {"id": 7, "dialog_id": "chat7"}
    account = Account(batch_answer({"c0": found, "c1": found}))
    assert told(account, "chat7", "sg2") == [("chat7", 7), ("sg2", 7)]
    assert told(account, "chat7", "chat7") == [("chat7", 7)] * 2
    asked = account.tries
    assert told(account) == []
    assert account.tries == asked


def test_a_strange_name_cannot_become_another_parameter() -> None:
    account = Account(batch_answer({}, {"c0": "DIALOG_ID_EMPTY"}))
    told(account, "chat1&DIALOG_ID=chat2")
    assert commands(account) == {"c0": "im.dialog.get?DIALOG_ID=chat1%26DIALOG_ID%3Dchat2"}
