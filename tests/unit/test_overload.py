"""Fifty calls a second to an account whose portal takes two: told at once, side by side, in virtual time."""

import random
import statistics
from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from local.prove.world import World

HOSTS = {"loaded": "portal.example", "other": "portal1.example"}
PER_SECOND, SECONDS, CHATS = 50, 30, 5


class Heard(NamedTuple):
    """An answer, and the seconds it took."""

    status: int
    seconds: float
    retry_after: str | None


class Town:
    """Two accounts on two portals, and what their callers hear."""

    def __init__(self) -> None:
        self.world = World(datetime(2026, 3, 3, 12, tzinfo=UTC), random.Random(1), lambda _: None)
        self.heard: dict[str, list[Heard]] = {name: [] for name in HOSTS}
        self.at_once = self.running = 0
        for name, host in HOSTS.items():
            portal = self.world.add_portal(host)
            portal.add_user(1, "Ann")
            for number in range(1, CHATS + 1):
                portal.add_chat(number, members=[1], title="Deal")
            webhook = portal.add_webhook(1, f"c0de5ecret{name}")
            self.world.put_account(name, {"webhook_url": f"https://{host}/rest/1/{webhook.code}/"})
            self.world.users[name] = host, 1

    def overload(self, body: dict[str, Any]) -> None:
        with self.world.in_virtual_time():
            for number in range(PER_SECOND * SECONDS):
                self._spawn("loaded", {"CHAT_ID": number % CHATS + 1, **body})
                if number % PER_SECOND == 0:
                    self._spawn("other", {"CHAT_ID": 1, **body})
                self.world.turns.sleep(1 / PER_SECOND)
            self.world.turns.sleep(30)

    def _spawn(self, name: str, body: dict[str, Any]) -> None:
        def call() -> None:
            began = self.world.turns.seconds
            self.running += 1
            self.at_once = max(self.at_once, self.running)
            answer = self.world.call("POST", f"/{name}/im.chat.mute", body)
            self.running -= 1
            took = self.world.turns.seconds - began
            self.heard[name].append(Heard(answer.status, took, answer.headers.get("Retry-After")))

        self.world.spawn(call)


@pytest.mark.parametrize("body", [{"MUTE": "N"}, {"FOR": "PT2H"}], ids=["plain", "for a time"])
def test_an_account_that_is_asked_too_much_is_told_at_once_and_holds_up_nobody(body: dict[str, Any]) -> None:
    town = Town()
    town.overload(body)
    loaded, other = town.heard["loaded"], town.heard["other"]
    refused = [one for one in loaded if one.status == 503]
    done = sum(one.status == 200 for one in loaded)
    assert len(loaded) == PER_SECOND * SECONDS
    assert Counter(one.status for one in loaded).keys() <= {200, 409, 503}
    assert {one.retry_after for one in refused} == {"2"}
    assert statistics.median(one.seconds for one in refused) < 0.1, "a call of AWS and no more"
    assert town.at_once < 2 * PER_SECOND, "of the 250 that would run if each waited for five seconds"
    assert done > 10
    assert {one.status for one in other} == {200}
    assert max(one.seconds for one in other) < 1


def test_a_burst_that_is_over_soon_is_done_without_a_refusal() -> None:
    town = Town()
    with town.world.in_virtual_time():
        for number in range(60):
            town._spawn("loaded", {"CHAT_ID": number % CHATS + 1, "MUTE": "N"})
        town.world.turns.sleep(30)
    assert {one.status for one in town.heard["loaded"]} == {200}
