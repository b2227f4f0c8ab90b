"""Killed at every call to DynamoDB, SQS, Secrets Manager and the portal, before and after it took effect."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from tests.unit.crash.scenario import ANN, BEN, CODE, HOST, Play, State, Step, play, play_killed

AUDIBLE, BY_HAND, PRIVATE, CLICKED, CALLED, UNMUTED, LATE = 1, 2, 3, 4, 5, 6, 7
NIGHT = {
    "timezone": "Europe/Berlin",
    "windows": [{"days": ["tue"], "start": "19:00", "end": "08:00"}],
    "chats": {"all": True, "workgroups": True},
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def furnish(game: Play) -> None:
    portal = game.portal
    portal.add_user(ANN, "Ann")
    portal.add_user(BEN, "Ben")
    for chat_id in (AUDIBLE, BY_HAND, CLICKED, CALLED, UNMUTED):
        portal.add_chat(chat_id, members=[ANN, BEN])
    portal.add_private(ANN, BEN, PRIVATE)
    portal.mute_by_hand(ANN, BY_HAND)


def webhook(game: Play) -> None:
    furnish(game)
    game.portal.add_webhook(ANN, CODE)
    game.stack.put_account("default", {"webhook_url": f"https://{HOST}/rest/{ANN}/{CODE}/"})


def new_tokens(game: Play) -> None:
    app = next(iter(game.portal.oauth.apps.values()), None) or game.portal.oauth.add_app()
    pair = game.portal.oauth.issue(app, ANN, f"https://{HOST}")
    game.stack.put_account("default", {"client_id": app.client_id, "client_secret": app.client_secret, **pair})


def click(chat_id: int) -> Any:
    return lambda game: game.portal.mute_by_hand(ANN, chat_id, muted=False)


def joins(game: Play) -> None:
    game.portal.add_chat(LATE, members=[ANN])


A_NIGHT = [
    Step(at("2026-03-03 12:00"), lambda game: game.call("PUT", "/default/quiet-hours/night", NIGHT), retried=True),
    Step(at("2026-03-03 12:10"), Play.look),
    Step(at("2026-03-03 18:00"), Play.look),
    Step(at("2026-03-03 18:10"), click(CLICKED)),
    Step(at("2026-03-03 18:11"), joins),
    Step(at("2026-03-03 18:30"), Play.look),
    Step(
        at("2026-03-03 20:00"),
        lambda game: game.call("POST", "/default/im.chat.mute", {"CHAT_ID": UNMUTED, "MUTE": "N"}),
        retried=True,
    ),
    Step(
        at("2026-03-03 20:10"),
        lambda game: game.call(
            "POST", "/default/im.chat.mute", {"DIALOG_ID": f"chat{CALLED}", "UNTIL": "2026-03-04T12:00:00Z"}
        ),
        retried=True,
    ),
    Step(at("2026-03-03 21:00"), Play.look),
    Step(at("2026-03-04 07:00"), Play.look),
    Step(at("2026-03-04 12:00"), Play.look),
]
LET_GO = [
    *A_NIGHT[:3],
    Step(at("2026-03-03 19:00"), lambda game: game.call("DELETE", "/default/holds"), retried=True),
    Step(at("2026-03-03 19:10"), Play.look),
    Step(at("2026-03-04 07:00"), Play.look),
]
SKIPPED = [
    *A_NIGHT[:3],
    Step(at("2026-03-03 19:00"), lambda game: game.call("POST", "/default/quiet-hours/night/skip"), retried=True),
    Step(at("2026-03-03 19:10"), Play.look),
    Step(at("2026-03-03 19:20"), lambda game: game.call("DELETE", "/default/quiet-hours/night/skip"), retried=True),
    Step(at("2026-03-03 19:30"), Play.look),
    Step(at("2026-03-03 19:40"), lambda game: game.stack.call("DELETE", "/default/quiet-hours/night"), retried=True),
    Step(at("2026-03-03 19:50"), Play.look),
]
MANY = [
    *A_NIGHT[:3],
    Step(
        at("2026-03-03 19:00"),
        lambda game: game.call("POST", "/default/mutes", {"chats": [f"chat{UNMUTED}", "547"], "mute": "N"}),
        retried=True,
    ),
    Step(at("2026-03-03 19:10"), Play.look),
    Step(
        at("2026-03-03 19:20"),
        lambda game: game.call("POST", "/default/mutes", {"chats": {"all": True}, "until": "2026-03-04T12:00:00Z"}),
        retried=True,
    ),
    Step(at("2026-03-03 19:30"), Play.look),
    Step(at("2026-03-04 07:00"), Play.look),
    Step(at("2026-03-04 12:00"), Play.look),
]
CALLERS = [
    Step(
        at("2026-03-03 12:00"),
        lambda game: game.call("POST", "/default/im.chat.mute", {"CHAT_ID": CALLED, "FOR": "PT8H"}),
        given_up=True,
    ),
    Step(at("2026-03-03 12:10"), Play.look),
    Step(at("2026-03-03 20:10"), Play.look),
]
LET_GO_OF_CALLERS = [
    Step(
        at("2026-03-03 12:00"),
        lambda game: game.call("POST", "/default/im.chat.mute", {"CHAT_ID": CALLED, "FOR": "PT8H"}),
        retried=True,
    ),
    Step(
        at("2026-03-03 12:05"),
        lambda game: game.call("POST", "/default/im.chat.mute", {"CHAT_ID": AUDIBLE, "FOR": "PT8H"}),
        retried=True,
    ),
    Step(at("2026-03-03 12:10"), lambda game: game.call("DELETE", "/default/holds"), given_up=True),
    Step(at("2026-03-03 12:20"), Play.look),
    Step(at("2026-03-03 20:10"), Play.look),
]


def switch(mode: str) -> Any:
    """A deployment with another ``Mode``; the next invocation is a new process's."""

    def act(game: Play) -> None:
        game.stack.environment["MODE"] = mode
        game.stack.new_process()

    return act


BEGUN = [
    A_NIGHT[0],
    Step(
        at("2026-03-03 12:05"),
        lambda game: game.call("POST", "/default/im.chat.mute", {"CHAT_ID": CALLED, "FOR": "PT20H"}),
        retried=True,
    ),
    Step(at("2026-03-03 18:00"), Play.look),
]
KILL_SWITCH = [
    *BEGUN,
    Step(at("2026-03-03 18:30"), switch("RELEASE_ONLY")),
    Step(at("2026-03-03 18:31"), lambda game: game.stack.invoke({"release_all": True}), retried=True),
    Step(at("2026-03-03 18:40"), Play.look),
    Step(at("2026-03-03 18:50"), switch("NORMAL")),
    Step(at("2026-03-03 19:10"), Play.look),
    Step(at("2026-03-04 07:00"), Play.look),
]
OFFBOARDED = [
    *BEGUN,
    Step(at("2026-03-03 18:30"), lambda game: game.stack.invoke({"offboard": "default"}), retried=True),
    Step(at("2026-03-03 18:40"), Play.look),
    Step(at("2026-03-03 18:50"), lambda game: game.stack.invoke({"offboard": "default"}), retried=True),
    Step(at("2026-03-04 07:00"), Play.look),
]
STORIES = {
    "the kill switch, and back": KILL_SWITCH,
    "offboarded": OFFBOARDED,
    "callers only": CALLERS,
    "letting go of callers": LET_GO_OF_CALLERS,
    "many at once": MANY,
    "a night": A_NIGHT,
    "letting go of all": LET_GO,
    "skipped, taken back, removed": SKIPPED,
}


@cache
def whole(story: str) -> tuple[list[State], list[str]]:
    return play(webhook, STORIES[story])


def test_what_a_night_comes_to_without_a_crash() -> None:
    states, _ = whole("a night")
    quiet = {AUDIBLE, BY_HAND, PRIVATE, CLICKED, CALLED, UNMUTED}
    assert states[2] == quiet
    assert states[5] == quiet - {CLICKED} | {LATE}
    assert states[8] == quiet - {CLICKED, UNMUTED} | {LATE}
    assert states[9] == {BY_HAND, CALLED}
    assert states[10] == {BY_HAND}


def test_what_the_operators_stories_come_to_without_a_crash() -> None:
    quiet = {AUDIBLE, BY_HAND, PRIVATE, CLICKED, CALLED, UNMUTED}
    states, _ = whole("the kill switch, and back")
    assert [set(state) for state in states[2:]] == [quiet, quiet, quiet, {BY_HAND}, {BY_HAND}, quiet, {BY_HAND}]
    states, _ = whole("offboarded")
    assert [set(state) for state in states[2:]] == [quiet, quiet, {BY_HAND}, {BY_HAND}, {BY_HAND}]


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_call_a_story_ends_as_if_nothing_had_been(story: str, when: Any) -> None:
    expected, calls = whole(story)
    assert {"put_item", "post", "get_secret_value", "transact_write_items"} <= set(calls)
    for number in range(len(calls)):
        play_killed(webhook, STORIES[story], expected, number, when)


def oauth(game: Play) -> None:
    """Tokens that have expired by the time of the window."""
    furnish(game)
    new_tokens(game)


def install_again(game: Play) -> None:
    """After a kill, and where that lost a one-time token (design.md, 2.1), what its account error asks for."""
    game.come_round()
    if not game.stack.call("GET", "/default").body["usable"]:
        new_tokens(game)
        game.come_round()


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_call_of_an_oauth_account(when: Any) -> None:
    steps = [*A_NIGHT[:3], Step(at("2026-03-04 07:00"), Play.look)]
    expected, calls = play(oauth, steps)
    assert expected[-1] == {BY_HAND}
    assert "put_secret_value" in calls
    for number in range(len(calls)):
        play_killed(oauth, steps, expected, number, when, install_again)
