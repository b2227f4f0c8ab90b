"""The whole service in virtual time before Ann's portal, and counts of what a call cost."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from local.portal import Portal  # noqa: TC001
from local.virtual import ACCOUNT_DEAD, CALLER, IDEMPOTENCY, SCHEDULE_DEAD, STATE, Answer, VirtualStack
from tests.conftest import WEBHOOK_MARK

ANN, BEN = 503, 547
HOST = "portal.example"
NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
"""A Tuesday."""
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HAND, PRIVATE, GROUP, LINES = 2, 50, 99, 60
"""The chats that are special: muted by Ann's hand; with Ben; of the workgroup 7; an open line, never mutable."""
OF_ROLE = "arn:aws:sts::000000000000:assumed-role/Deploy"
"""The caller of every session of one role."""
READS = frozenset({"get_item", "query", "batch_get_item"})


def at(text: str) -> datetime:
    """``2026-03-03 18:00`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def policy(*windows: str, zone: str = "UTC", days: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """A policy's document with windows like ``22:00-07:00`` on every day, or on ``days``."""
    pairs = [window.split("-") for window in windows]
    weekly = [{"days": days or WEEK, "start": start, "end": end} for start, end in pairs]
    return {"timezone": zone, "windows": weekly, "chats": {"all": True}, **more}


@dataclass
class Cost:
    """What was called in a `with` block.

    Attributes:
        reads: of DynamoDB.
        writes: of DynamoDB.
        portal: the portal's methods.
    """

    reads: int = 0
    writes: int = 0
    portal: list[str] = field(default_factory=list)

    @property
    def all(self) -> tuple[int, int, list[str]]:
        return self.reads, self.writes, self.portal


class Office:
    """Ann's account: chats 1 to 5, one of them muted by hand, a private one, a workgroup's and an open line."""

    def __init__(self, start: datetime = NOON) -> None:
        self.stack = VirtualStack(start=start)
        self.answers: list[Any] = []
        self.portal: Portal = self.stack.add_portal(HOST)
        self.portal.add_user(ANN, "Ann")
        self.portal.add_user(BEN, "Ben")
        for chat_id in range(1, 6):
            self.portal.add_chat(chat_id, members=[ANN, BEN], title=f"Deal {chat_id}")
        self.portal.add_private(ANN, BEN, PRIVATE)
        self.portal.add_workgroup(7, GROUP, members=[ANN])
        self.portal.add_chat(LINES, members=[ANN], type="lines", title="Line")
        self.portal.mute_by_hand(ANN, HAND)
        self.add_account("default")

    def add_account(self, name: str, user: int = ANN) -> None:
        code = self.portal.add_webhook(user, f"{WEBHOOK_MARK}{len(self.portal.webhooks)}").code
        self.stack.put_account(name, {"webhook_url": f"https://{HOST}/rest/{user}/{code}/"})

    # ---- asking -----------------------------------------------------------------------------------------------------

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None,
        *, account: str = "default", caller: str = CALLER,
    ) -> Answer:  # fmt: skip
        path = f"/{account}/{path}" if path else f"/{account}"
        answer = self.stack.call(method, path, body, headers, caller=caller)
        self.answers.append(answer)
        return answer

    def invoke(self, payload: Any) -> Any:
        """One invocation with a payload; what it returns."""
        self.answers.append(self.stack.invoke(payload))
        return self.answers[-1]

    def ok(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The body of an answer that must be a success."""
        answer = self.call(method, path, body, headers)
        assert answer.status < 300, answer
        return answer.body

    def refused(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> "Refusal":
        """Status, code and description of an answer that must be an error in the contract's shape."""
        answer = self.call(method, path, body, headers)
        assert answer.status >= 400, answer
        assert answer.body.keys() == {"error", "error_description"}
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, answer.body["error"], answer.body["error_description"]

    def put(self, name: str = "night", *windows: str, **more: Any) -> Any:
        return self.ok("PUT", f"quiet-hours/{name}", policy(*(windows or ("22:00-07:00",)), **more))

    def mute(self, chat: int | str = 1, *, caller: str = CALLER, **fields: Any) -> Answer:
        """``POST im.chat.mute``, for a numeric chat id or a dialog id."""
        name = "CHAT_ID" if isinstance(chat, int) else "DIALOG_ID"
        return self.call("POST", "im.chat.mute", {name: chat, **fields}, caller=caller)

    def chat(self, chat_id: int | str = 1) -> Any:
        return self.ok("GET", f"chats/chat{chat_id}" if isinstance(chat_id, int) else f"chats/{chat_id}")

    def owners(self, chat_id: int = 1) -> dict[str, str]:
        """For whom a chat is held, and until when."""
        return {hold["owner"]: hold["until"] for hold in self.chat(chat_id)["holds"]}

    # ---- time -------------------------------------------------------------------------------------------------------

    def go(self, moment: datetime | str) -> None:
        """To a moment, with a tick at each minute something is due at, and what the queue then delivers."""
        until = at(moment) if isinstance(moment, str) else moment
        looks: Counter[datetime] = Counter()
        while (due := self.due()) is not None and due <= until:
            self.stack.minute(max(due, self.stack.clock.now()) + timedelta(microseconds=1))
            looks[due] += 1
            assert looks[due] < 20, "due again and again, and nothing comes of it"
        self.stack.minute(max(until, self.stack.clock.now()))

    def due(self) -> datetime | None:
        """The minute whose tick finds the account."""
        item = self.account_item()
        if "due" not in item:
            return None
        return datetime.fromtimestamp(-(-float(item["due"]["N"]) // 60) * 60, UTC)

    # ---- looking ----------------------------------------------------------------------------------------------------

    @property
    def muted(self) -> set[int]:
        return self.portal.muted_chats(ANN)

    def account_item(self) -> dict[str, Any]:
        return next((item for item in self.stack.dynamodb.items(STATE) if item["sk"]["S"] == "account"), {})

    def stored(self) -> str:
        """Everything in both tables and in the queues of dead letters, as text."""
        items = [*self.stack.dynamodb.items(STATE), *self.stack.dynamodb.items(IDEMPOTENCY)]
        return json.dumps([items, self.letters(ACCOUNT_DEAD), self.letters()])

    def letters(self, url: str = SCHEDULE_DEAD) -> list[Any]:
        """What was put aside."""
        found = self.stack.queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    @contextmanager
    def cost(self) -> Iterator[Cost]:
        """What is called inside; secrets are read once before, as in a warm process."""
        cost = Cost()
        before, asked = self.stack.dynamodb.calls.copy(), len(self.portal.calls)
        yield cost
        made = self.stack.dynamodb.calls - before
        cost.reads = sum(count for name, count in made.items() if name in READS)
        cost.writes = sum(count for name, count in made.items() if name not in READS)
        cost.portal = [call.method for call in self.portal.calls[asked:]]


Refusal = tuple[int, str, str]
Make = Callable[[], Office]
