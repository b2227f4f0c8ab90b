"""Which chats a policy means."""

from typing import Any

import pytest

from chat_mute.quiet_hours.reading import PolicyError
from chat_mute.quiet_hours.selection import Chat, parse_selection

OPS = Chat(42, "chat42", "chat", "Deal 7: Ops")
PRIVATE = Chat(1231, "547", "user", "J. Doe")
GROUP = Chat(99, "chat99", "sonetGroup", "Group 7", aliases=("sg7",))


def means(selection: dict[str, Any], chat: Chat) -> bool:
    return parse_selection(selection).means(chat)


@pytest.mark.parametrize(
    ("only", "chat", "meant"),
    [
        (["chat42"], OPS, True),
        (["CHAT42"], OPS, True),
        (["42"], OPS, False),
        (["chat1", "chat43"], OPS, False),
        (["547"], PRIVATE, True),
        ([547], PRIVATE, True),
        (["chat1231"], PRIVATE, True),
        (["chat547"], PRIVATE, False),
        (["1231"], PRIVATE, False),
        (["sg7"], GROUP, True),
        (["chat99"], GROUP, True),
        (["sg99"], GROUP, False),
    ],
)
def test_only(only: list[Any], chat: Chat, meant: bool) -> None:
    assert means({"only": only}, chat) is meant


@pytest.mark.parametrize(
    ("narrowing", "meant"),
    [
        ({}, {OPS, PRIVATE}),
        ({"workgroups": False}, {OPS, PRIVATE}),
        ({"workgroups": True}, {OPS, PRIVATE, GROUP}),
        ({"types": ["chat"]}, {OPS}),
        ({"types": ["CHAT", "user"]}, {OPS, PRIVATE}),
        ({"types": ["private"]}, {PRIVATE}),
        ({"types": ["User"]}, {PRIVATE}),
        ({"types": ["PRIVATE", "user"]}, {PRIVATE}),
        ({"types": ["sonetGroup"]}, set()),
        ({"types": ["sonetGroup"], "workgroups": True}, {GROUP}),
        ({"title": "deal *"}, {OPS}),
        ({"title": "*"}, {OPS, PRIVATE}),
        ({"title": "Deal *", "types": ["user"]}, set()),
        ({"except": ["chat42"]}, {PRIVATE}),
        ({"except": [547]}, {OPS}),
        ({"except": ["sg7"], "workgroups": True}, {OPS, PRIVATE}),
        ({"except": []}, {OPS, PRIVATE}),
    ],
)
def test_all(narrowing: dict[str, Any], meant: set[Chat]) -> None:
    assert {chat for chat in (OPS, PRIVATE, GROUP) if means({"all": True, **narrowing}, chat)} == meant


def test_a_workgroups_chat_is_one_by_its_type_or_by_its_id() -> None:
    assert Chat(1, "chat1", "sonetGroup").workgroup
    assert Chat(1, "SG7").workgroup
    assert Chat(1, "chat1", aliases=("sg7",)).workgroup
    assert not Chat(1, "chat1", "open", "sg7").workgroup


@pytest.mark.parametrize("kind", ["user", "private", "Private"])
def test_a_private_chats_type_has_two_words_on_the_portal_and_in_a_policy(kind: str) -> None:
    chat = Chat(1231, "547", kind, "J. Doe")
    assert chat.kinds == {"private", "user"}
    for word in ("user", "private", "USER"):
        assert means({"all": True, "types": [word]}, chat)
    assert not means({"all": True, "types": ["chat", "users"]}, chat)
    assert Chat(42, "chat42", "Open").kinds == {"open"}


@pytest.mark.parametrize("selection", [{"only": ["chat5"]}, {"all": True}])
@pytest.mark.parametrize("mutable", [True, False, None])
def test_a_chat_is_meant_whether_it_can_be_muted_or_not(selection: dict[str, Any], mutable: bool | None) -> None:
    assert means(selection, Chat(5, "chat5", "lines", mutable=mutable))


@pytest.mark.parametrize(
    ("selection", "field", "reason"),
    [
        ([], "chats", "must be an object"),
        ("all", "chats", "must be an object"),
        ({}, "chats", 'one of "only" and "all" is needed'),
        ({"only": None}, "chats", 'one of "only" and "all" is needed'),
        ({"only": ["chat1"], "all": True}, "chats", 'only one of "only" and "all"'),
        ({"only": ["chat1"], "title": "x"}, "chats", '"only" stands alone'),
        ({"only": []}, "chats.only", "at least one"),
        ({"only": "chat1"}, "chats.only", "must be a list"),
        ({"only": ["chat1"] * 1001}, "chats.only", "at most 1,000"),
        ({"all": False}, "chats.all", "must be true"),
        ({"all": 1}, "chats.all", "must be true"),
        ({"all": "true"}, "chats.all", "must be true"),
        ({"all": True, "title": ""}, "chats.title", "1 to 200 characters"),
        ({"all": True, "title": "x" * 201}, "chats.title", "1 to 200 characters"),
        ({"all": True, "title": "a\nb"}, "chats.title", "control characters"),
        ({"all": True, "title": "a\ud800"}, "chats.title", "control characters"),
        ({"all": True, "title": ["x"]}, "chats.title", "must be a text"),
        ({"all": True, "types": []}, "chats.types", "at least one"),
        ({"all": True, "types": "chat"}, "chats.types", "must be a list"),
        ({"all": True, "types": ["chat", "o pen"]}, "chats.types[1]", "must be a type"),
        ({"all": True, "types": ["x" * 33]}, "chats.types[0]", "must be a type"),
        ({"all": True, "types": ["чат"]}, "chats.types[0]", "must be a type"),
        ({"all": True, "types": [1]}, "chats.types[0]", "must be a type"),
        ({"all": True, "types": ["chat\n"]}, "chats.types[0]", "must be a type"),
        ({"all": True, "types": [f"t{n}" for n in range(33)]}, "chats.types", "at most 32"),
        ({"all": True, "workgroups": "Y"}, "chats.workgroups", "true or false"),
        ({"all": True, "except": "chat1"}, "chats.except", "must be a list"),
        ({"all": True, "except": ["chat1", "chatx"]}, "chats.except[1]", "must be chatNNN"),
        ({"all": True, "excepted": []}, "chats.excepted", "unknown field"),
        ({"all": True, "excepted": None}, "chats.excepted", "unknown field"),
        ({"all": True, "a\nb": 1}, "chats.a?b", "unknown field"),
    ],
)
def test_faults_name_field_and_reason(selection: object, field: str, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_selection(selection)
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert str(caught.value) == f"{field}: {caught.value.reason}"


@pytest.mark.parametrize(
    "name",
    [
        "", "chat", "chat0", "chat01", "0", "042", " 42", "42 ", "42\n", "chat-1", "chat1.0", "tg5", "1e3",
        "\u0664\u0662", "cha\u0442 1", "chat\u0664", "\u017fg7", str(2**63), "chat" + "9" * 19, "1" * 400,
        0, -1, 2**63, 10**400, 42.0, True, None, ["chat1"], {"id": 1},
    ],
)  # fmt: skip
def test_what_is_no_dialog_id(name: object) -> None:
    with pytest.raises(PolicyError, match=r"^chats\.only\[0\]: must be chatNNN, sgNNN, crmNNN or the id of a user$"):
        parse_selection({"only": [name]})


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_too_long_to_be_written_is_no_dialog_id(sign: int) -> None:
    with pytest.raises(PolicyError, match="must be chatNNN"):
        parse_selection({"only": [sign * 10**5000]})


def test_ids_are_kept_once_and_in_lower_case() -> None:
    selection = parse_selection({"only": ["Chat1", "CRM7", 547, "chat1", "547", str(2**63 - 1), 2**63 - 1]})
    assert selection.to_json() == {"only": ["chat1", "crm7", "547", str(2**63 - 1)]}


def test_what_narrows_nothing_is_left_out() -> None:
    selection = parse_selection({"all": True, "types": None, "title": None, "except": [], "workgroups": False})
    assert selection.to_json() == {"all": True}


def test_a_thousand_chats_are_allowed() -> None:
    assert means({"only": [f"chat{n}" for n in range(1, 1001)]}, OPS)
