"""How many calls each trigger costs once it is warm: to the portal, to DynamoDB, to Secrets Manager and to SQS."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.virtual import VirtualStack

if TYPE_CHECKING:
    from local.portal import Portal

ANN, HOST = 503, "portal.example"
NEVER = {
    "timezone": "UTC",
    "windows": [{"days": ["mon"], "start": "22:00", "end": "23:00"}],
    "chats": {"all": True},
}


class Counted:
    """A stack whose account has been used before: what an invocation calls from here on."""

    def __init__(self) -> None:
        self.stack = VirtualStack(start=datetime(2026, 3, 3, 12, tzinfo=UTC))
        self.portal: Portal = self.stack.add_portal(HOST)
        self.portal.add_user(ANN, "Ann")
        for chat in (1, 2):
            self.portal.add_chat(chat, members=[ANN])
        url = f"https://{HOST}/rest/{ANN}/{self.portal.add_webhook(ANN).code}/"
        self.stack.put_account("default", {"webhook_url": url})
        self.mute(1)

    def mute(self, chat: int, *, key: str | None = None, **more: Any) -> dict[str, int]:
        def call() -> None:
            headers = {"Idempotency-Key": key} if key else {}
            answer = self.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": chat, **more}, headers)
            assert answer.status == 200, answer

        return self.of(call)

    def of(self, work: Any) -> dict[str, int]:
        before = self._so_far()
        work()
        return {
            name: number - before.get(name, 0)
            for name, number in self._so_far().items()
            if number != before.get(name, 0)
        }

    def _so_far(self) -> dict[str, int]:
        stack = self.stack
        calls = {**stack.dynamodb.calls, **stack.secrets.calls, **stack.queues.calls}
        return {**calls, "portal": len(self.portal.calls)}


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_a_mute_is_one_request_and_one_read(counted: Counted) -> None:
    assert counted.mute(1) == {"portal": 1, "get_item": 1}
    assert counted.mute(1, MUTE="N") == {"portal": 1, "get_item": 1}


def test_with_a_key_it_is_two_writes_more_and_a_replay_is_one(counted: Counted) -> None:
    assert counted.mute(1, key="once") == {"portal": 1, "get_item": 1, "put_item": 1, "update_item": 1}
    assert counted.mute(1, key="once") == {"put_item": 1}


def test_a_schedules_mute_costs_the_same(counted: Counted) -> None:
    run = {
        "schedule": "arn:aws:scheduler:eu-west-1:000000000000:schedule/default/evening",
        "at": "2026-03-03T12:00:00Z",
    }
    called = counted.of(lambda: counted.stack.invoke({"DIALOG_ID": "chat1", "MUTE": "Y", **run}))
    assert called == {"portal": 1, "get_item": 1, "put_item": 1, "update_item": 1}


def test_the_secret_is_read_once_in_five_minutes(counted: Counted) -> None:
    assert "get_secret_value" not in counted.mute(1)
    counted.stack.new_process()
    assert counted.mute(1) == {"portal": 1, "get_item": 1, "get_secret_value": 1}


def test_only_where_something_is_held_is_anything_written(counted: Counted) -> None:
    written = counted.mute(2, FOR="PT8H")
    assert written["transact_write_items"] == 1
    another = counted.mute(1)
    assert not another.keys() & {"put_item", "update_item", "transact_write_items", "delete_item"}
    held = counted.mute(2, MUTE="N")
    assert held.keys() & {"put_item", "update_item", "transact_write_items", "delete_item"}


@pytest.mark.parametrize("policies", [0, 1, 5])
def test_an_idle_tick_is_one_query_and_nothing_else(counted: Counted, policies: int) -> None:
    for number in range(policies):
        counted.stack.call("PUT", f"/default/quiet-hours/p{number}", NEVER)
    counted.stack.minute()
    counted.stack.minute()
    at = counted.stack.clock.now() + timedelta(minutes=1)
    tick = {"tick": at.isoformat()}
    assert counted.of(lambda: counted.stack.invoke(tick)) == {"query": 1}
