"""The way from the tick to the workers: order by portal, crashes, and what a crash costs the others."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat_mute.queues import _group
from local.virtual import ACCOUNT_DEAD, ACCOUNTS, STATE, VirtualStack
from tests.conftest import WEBHOOK_MARK
from tests.unit.crash.fuse import Killed

START, OPENING = datetime(2026, 3, 3, 12, tzinfo=UTC), datetime(2026, 3, 3, 18, tzinfo=UTC)
HOST = "portal.example"
POLICY = {
    "timezone": "Europe/Berlin",
    "windows": [{"days": ["tue"], "start": "19:00", "end": "08:00"}],
    "chats": {"all": True},
}


class Two:
    """Two accounts on one portal, each with a chat of its own, whose windows open together."""

    def __init__(self) -> None:
        self.stack = VirtualStack(start=START)
        self.portal = self.stack.add_portal(HOST)
        self.muted_at: dict[int, datetime] = {}
        for user_id, account in ((1, "first"), (2, "second")):
            self.portal.add_user(user_id)
            self.portal.add_chat(user_id, members=[user_id])
            code = self.portal.add_webhook(user_id, f"{WEBHOOK_MARK}{user_id}").code
            self.stack.put_account(account, {"webhook_url": f"https://{HOST}/rest/{user_id}/{code}/"})
            assert self.stack.call("PUT", f"/{account}/quiet-hours/night", POLICY).status == 201
        self.stack.minute()
        self.broken: dict[str, BaseException] = {}
        self._post = self.stack.transport.post
        self.stack.transport.post = self.post  # type: ignore[method-assign]

    def post(self, url: str, *args: Any, **kwargs: Any) -> Any:
        for part, error in self.broken.items():
            if part in url:
                raise error
        return self._post(url, *args, **kwargs)

    def play(self, minutes: int) -> None:
        """Ticks from the windows' opening on; between them the queue delivers whenever it has something."""
        for minute in range(minutes):
            now = OPENING + timedelta(minutes=minute)
            self.stack.clock.set(max(now, self.stack.clock.now()))
            self.stack.tick()
            for second in range(0, 60, 10):
                self.stack.clock.set(max(now + timedelta(seconds=second), self.stack.clock.now()))
                self.deliver()

    def deliver(self) -> None:
        while messages := self.stack.queues.receive_message(QueueUrl=ACCOUNTS).get("Messages"):
            try:
                self.stack.handle(messages[0]["Body"])
            except Killed:
                self.stack.new_process()
            else:
                self.stack.queues.delete_message(QueueUrl=ACCOUNTS, ReceiptHandle=messages[0]["ReceiptHandle"])
            for user_id in (1, 2):
                if self.portal.muted_chats(user_id):
                    self.muted_at.setdefault(user_id, self.stack.clock.now())

    def delay(self, user_id: int) -> timedelta:
        return self.muted_at[user_id] - OPENING

    def dead(self) -> int:
        return len(self.stack.queues.receive_message(QueueUrl=ACCOUNT_DEAD, MaxNumberOfMessages=10).get("Messages", []))


@pytest.fixture
def two() -> Two:
    return Two()


def test_without_trouble_both_are_quiet_at_once(two: Two) -> None:
    two.play(1)
    assert two.delay(1) == two.delay(2) == timedelta(0)
    assert two.dead() == 0


def test_a_worker_killed_once_delays_its_portal_by_three_minutes(two: Two) -> None:
    two.broken["/rest/1/"] = Killed()
    two.play(1)
    two.broken.clear()
    two.play(10)
    assert max(two.delay(1), two.delay(2)) <= timedelta(minutes=3)
    assert two.dead() == 0


def test_an_account_that_kills_every_worker_delays_its_portal_by_minutes_never_hours(two: Two) -> None:
    two.broken["/rest/1/"] = Killed()
    two.play(240)
    assert two.delay(2) <= timedelta(minutes=15)
    assert 1 not in two.muted_at
    assert 1 <= two.dead() <= 8, "once for each time it was queued, and each lease is twice as long"
    waiting = two.stack.queues.get_queue_attributes(QueueUrl=ACCOUNTS, AttributeNames=["All"])["Attributes"]
    assert int(waiting["ApproximateNumberOfMessages"]) <= 1, "the others get their turn"


def test_a_fault_of_our_own_delays_nobody_else_and_is_tried_again(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    two.broken["/rest/1/"] = RuntimeError("a fault of our own")
    two.play(3)
    assert two.delay(2) == timedelta(0)
    assert '"InternalError"' in capsys.readouterr().out
    two.broken.clear()
    two.play(10)
    assert two.delay(1) <= timedelta(minutes=5)
    assert two.dead() == 0


def test_the_group_is_the_portals_host_also_when_it_was_not_known_at_first(two: Two) -> None:
    sent = spy(two.stack, "send_message_batch")
    two.play(1)
    assert {entry["MessageGroupId"] for call in sent for entry in call["Entries"]} == {HOST}
    ids = [entry["MessageDeduplicationId"] for call in sent for entry in call["Entries"]]
    assert len(ids) == len(set(ids)) == 2


@pytest.mark.parametrize("host", ["p" * 129, "portäl.example", ""])
def test_a_host_that_sqs_does_not_take_is_hashed(host: str) -> None:
    assert len(_group(host)) == 64
    assert _group("portal.example:8443") == "portal.example:8443"


def test_a_message_that_sqs_does_not_take_is_sent_again_when_the_lease_ends(two: Two) -> None:
    queues = two.stack.queues
    send = queues.send_message_batch
    queues.send_message_batch = lambda **_: {"Successful": [], "Failed": [{"Id": "0"}]}  # type: ignore[method-assign]
    two.play(1)
    queues.send_message_batch = send  # type: ignore[method-assign]
    two.play(5)
    assert max(two.delay(1), two.delay(2)) <= timedelta(minutes=4)


def test_a_redelivered_dead_letter_is_safe_to_redrive_twice(two: Two) -> None:
    two.play(1)
    before = len(two.portal.calls)
    two.stack.dynamodb.calls.clear()
    for _ in range(2):
        two.stack.handle(json.dumps({"account": "first", "at": OPENING.isoformat()}))
    assert len(two.portal.calls) == before
    assert two.stack.dynamodb.calls == {"get_item": 2}, "nothing is due"


def test_what_a_look_ended_is_not_queued_again(two: Two) -> None:
    two.play(1)
    item = next(i for i in two.stack.dynamodb.items(STATE) if i["sk"]["S"] == "account")
    assert {"pending", "tries"} & item.keys() == set()
    assert two.stack.tick() == 0


def spy(stack: VirtualStack, name: str) -> list[Any]:
    """Every call of one of SQS's operations."""
    calls: list[Any] = []
    operation: Any = getattr(stack.queues, name)

    def watch(**arguments: Any) -> Any:
        calls.append(arguments)
        return operation(**arguments)

    setattr(stack.queues, name, watch)
    return calls
