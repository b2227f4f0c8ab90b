"""Stand-ins for what the layer talks to, and a search for secrets in exceptions."""

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import bitrix24
from bitrix24 import Client, Clock, TimeLeft, Transport, Webhook
from bitrix24.errors import Bitrix24Error
from bitrix24.transport import JSON, Reply

CODE = "c0de5ecret7x9"
URL = f"https://portal.example/rest/503/{CODE}/"
WEBHOOK = Webhook.parse(URL)
START = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class FakeClock(Clock):
    """Time passes only when somebody sleeps or the test says so."""

    def __init__(self, now: datetime = START) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def budget(self, seconds: float) -> TimeLeft:
        end = self.time + timedelta(seconds=seconds)

        def left() -> float:
            return (end - self.time).total_seconds()

        return left


class MemoryStore(bitrix24.MemoryStore):
    """A store whose pauses a test may look at and set."""

    def __init__(self) -> None:
        super().__init__(WEBHOOK)
        self.kept: dict[str, datetime] = {}

    def pauses(self) -> Mapping[str, datetime]:
        return dict(self.kept)

    def pause(self, method: str, until: datetime) -> None:
        self.kept[method] = until


Step = Reply | Bitrix24Error | Callable[[], Reply]


class ScriptedTransport(Transport):
    """Answers what the test has written down, one step for each try; the last step repeats."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.asked: list[tuple[str, bytes]] = []

    def post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str = JSON) -> Reply:
        self.asked.append((url, body))
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Bitrix24Error):
            raise step
        return step if isinstance(step, Reply) else step()


class Account:
    """A client with its stand-ins in reach."""

    def __init__(self, *steps: Step, seconds: float = 100.0) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.transport = ScriptedTransport(*steps)
        self.client = Client(WEBHOOK, self.transport, self.store, self.clock)
        self.time_left = self.clock.budget(seconds)

    @property
    def tries(self) -> int:
        return len(self.transport.asked)

    def call(self, method: str = "im.chat.mute") -> Any:
        return self.client.call(method, {"CHAT_ID": 1}, time_left=self.time_left).result

    def failure(self, method: str = "im.chat.mute") -> Bitrix24Error:
        """The error that a call ends with; it must end with one."""
        try:
            self.call(method)
        except Bitrix24Error as error:
            return error
        raise AssertionError("the call succeeded")


def reply(status: int, content: Any) -> Reply:
    return Reply(status, content if isinstance(content, bytes) else json.dumps(content).encode())


def success(result: Any = True, time: Any = None) -> Reply:
    return reply(200, {"result": result} if time is None else {"result": result, "time": time})


def refusal(code: str, status: int = 400, description: str = "") -> Reply:
    return reply(status, {"error": code, "error_description": description})


PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def assert_tells_nothing(error: BaseException) -> None:
    """Nothing that a logger could print about ``error`` has the webhook's code."""
    assert CODE not in everything_said_by(error)


def everything_said_by(error: BaseException) -> str:
    """All texts of an exception: of itself, of whatever hangs on it, and its traceback as a logger would print it."""
    texts = ["".join(traceback.format_exception(error))]
    for link in chain(error):
        texts += [str(link), repr(link), repr(link.args), repr(vars(link))]
    return "\n".join(texts)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception with all causes and contexts, suppressed ones included."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        link = todo.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            todo += [link.__cause__, link.__context__]
