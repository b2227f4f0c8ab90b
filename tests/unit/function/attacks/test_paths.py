"""Another account by a trick with the path: whatever the gateway decodes, nobody gets at what is not in the path."""

import itertools

import pytest

from tests.fuzz.gateway import Sent, route
from tests.fuzz.town import Town

RESTS = [
    "holds",
    "quiet-hours",
    "quiet-hours/night",
    "quiet-hours/night/skip",
    "im.chat.mute",
    "chats/chat1489",
    "jobs/5f0c9a1b2c3d4e5f",
]
NOT_AN_ACCOUNT = [
    "Team-B", "TEAM-B", "team-B", "team-b%20", "%20team-b", "team-b%00", "%00team-b", "team-b%0A", "team-b%0d%0a",
    "team-b.", "team-b;x=1",
    "team_b", "team-b%2F", "team-b%2Fholds", "team-b%5C", "..%2Fteam-b", "%2e%2e%2fteam-b",
    "default%2F..%2Fteam-b", "default%2Fteam-b", "*", "%2A",
    "team%252Db", "team%25252Db", "..", ".", "%2e%2e", "%EF%BD%94eam-b", "t%D0%B5am-b", "team%E2%80%90b",
    "team-b%E2%80%8B", "%E2%80%AEteam-b",
    "team-b%CC%81", "%ff", "%c0%af", "quiet-hours%2Fteam-b",
    "arn:aws:secretsmanager:eu-west-1:000000000000:secret:quiet-hours", "x" * 64,
    "x" * 5000,
]  # fmt: skip
"""As first part of a path, by the way: upper case, white space, null bytes, dots, slashes, other scripts' letters."""

WITHIN = [
    "../team-b/holds", "%2e%2e/team-b/holds", "..%2fteam-b%2fholds", "..%2Fteam-b%2Fquiet-hours%2Fnight",
    "./holds", "holds/", "/holds", "//holds",
    "holds/.", "holds/..", "holds/../quiet-hours", "quiet-hours/..", "quiet-hours/../holds", "quiet-hours/%2e%2e",
    "quiet-hours/..%2f..%2fteam-b",
    "quiet-hours/night/../../holds", "chats/..", "jobs/../holds", "jobs/%2e%2e%2fholds", "holds%00", "holds%23",
    "holds%3Fnext=1", "holds;next=1",
    "holds%20", "HOLDS", "Holds", "h%6flds%2f", "%2Fholds", "quiet-hours%5Cnight", "openapi.yaml", "health",
    "https:%2f%2fevil.example/",
]  # fmt: skip
"""Below an account there is."""


@pytest.fixture(scope="module")
def town() -> Town:
    """One for all: `Town.tell` holds that no other account's records change and no other's portal is asked."""
    return Town()


@pytest.mark.parametrize("first", NOT_AN_ACCOUNT)
def test_what_is_no_accounts_name_is_no_account(town: Town, first: str) -> None:
    for rest, method, decoded in itertools.product(["", *RESTS], ["GET", "POST", "PUT", "DELETE"], [True, False]):
        sent = Sent(method, f"/{first}/{rest}" if rest else f"/{first}", (), b'{"CHAT_ID": 1489}', decoded)
        told = town.tell(sent)
        if told is not None:
            assert told.status in {400, 404, 405, 422}, sent
            if told.status == 404:
                assert told.body["error"] in {"ACCOUNT_NOT_FOUND", "NOT_FOUND"}


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize("rest", WITHIN)
def test_a_path_is_taken_as_it_stands_and_leads_nowhere_else(town: Town, rest: str, decoded: bool) -> None:
    for method in ("GET", "DELETE"):
        told = town.tell(Sent(method, f"/default/{rest}", (), b"", decoded))
        assert told is not None
        assert (told.status, told.body["error"]) in {
            (404, "NOT_FOUND"),
            (400, "DIALOG_ID_EMPTY"),
            (405, "METHOD_NOT_ALLOWED"),
        }, rest


def test_a_decoded_slash_makes_parts_of_the_same_account_only(town: Town) -> None:
    sent = Sent("GET", "/default/quiet-hours%2Fnight")
    to = route(sent)
    assert to is not None
    assert (to.account, to.proxy) == ("default", "quiet-hours/night")
    told, raw = town.tell(sent), town.tell(Sent("GET", "/default/quiet-hours%2Fnight", decoded=False))
    assert told is not None
    assert raw is not None
    assert (told.status, told.body["name"], raw.status) == (200, "night", 404)


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize("length", [64, 1017, 1018, 1024, 1025, 2048, 9000])
@pytest.mark.parametrize("letter", ["x", "%C3%A9", "%F0%9F%98%80"])
def test_a_name_longer_than_a_key_of_dynamodb_is_of_nothing(
    town: Town, letter: str, length: int, decoded: bool
) -> None:
    """`make fuzz` found it (seed 8): the name went into a key as it was, which DynamoDB refuses over 1,024 bytes."""
    name = letter * length
    for method, path in [
        ("GET", f"quiet-hours/{name}"), ("DELETE", f"quiet-hours/{name}"), ("GET", f"quiet-hours/{name}/preview"),
        ("POST", f"quiet-hours/{name}/skip"), ("DELETE", f"quiet-hours/{name}/skip"), ("GET", f"jobs/{name}"),
        ("DELETE", f"jobs/{name}"),
    ]:  # fmt: skip
        told = town.tell(Sent(method, f"/default/{path}", (), b"", decoded))
        assert told is not None
        assert (told.status, told.body["error"]) == (404, "NOT_FOUND"), (method, path[:40])
