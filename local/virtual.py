"""The whole service in this process and in virtual time: the real code on in-memory AWS, before simulated portals.

For tests that need weeks to pass, for crashes at every call, and for simulations of scale. What a real runtime, a real
gateway and a real network add is for `local.stack`.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bitrix24 import Clock, TimeLeft, Transport
from bitrix24.errors import PortalTimeout, PortalUnreachable, UnreadableAnswer
from bitrix24.transport import JSON, Reply
from chat_mute import app
from chat_mute.wiring import Aws, build
from local.inmemory import DynamoDB, Index, Queue, Queues, Redrive, SecretsManager, Table
from local.portal import Portal, Request, dispatch
from local.portal.wire import Delivery

START = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
LAMBDA_SECONDS = 120.0
CALLER = "arn:aws:iam::000000000000:user/ann"
STATE, IDEMPOTENCY = "state", "idempotency"
ACCOUNTS, ACCOUNT_DEAD, SCHEDULE_DEAD = "https://sqs/accounts.fifo", "https://sqs/dead.fifo", "https://sqs/dead"
ENVIRONMENT = {
    "SECRET_PREFIX": "quiet-hours",
    "STATE_TABLE": STATE,
    "IDEMPOTENCY_TABLE": IDEMPOTENCY,
    "SCHEDULE_DEAD_LETTERS": SCHEDULE_DEAD,
    "ACCOUNT_QUEUE": ACCOUNTS,
    "ALLOW_TIME_TRAVEL": "false",
    "MODE": "NORMAL",
    "STACK": "quiet-hours",
    "TOKEN_HOSTS": "portal.example",
}

_PUBLIC = frozenset({"/health", "/openapi.yaml"})
_TICK = 1e-6  # what a datetime can tell

Wrap = Callable[[Any], Any]


class VirtualClock(Clock):
    """Time passes when somebody sleeps, or when it is told to."""

    def __init__(self, start: datetime = START) -> None:
        self.start = start
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        """See `Clock`."""
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """See `Clock`."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        self.slept.append(seconds)
        self.seconds += seconds

    def unix(self) -> float:
        """Unix seconds."""
        return self.now().timestamp()

    def set(self, moment: datetime) -> None:
        """Goes to a moment, which may not be past."""
        seconds = (moment - self.start).total_seconds()
        if seconds < self.seconds - _TICK:
            raise ValueError("time does not go back")
        self.seconds = max(self.seconds, seconds)

    def budget(self, seconds: float) -> TimeLeft:
        """So many seconds from now on."""
        end = self.seconds + seconds
        return lambda: end - self.seconds


class WiredTransport(Transport):
    """Hands requests to simulated portals; lost and spoilt deliveries come out as the real transport tells them.

    Args:
        portals: by host.
        clock: what a portal's delays are measured with.
    """

    def __init__(self, portals: Mapping[str, Portal], clock: VirtualClock) -> None:
        self.portals = portals
        self.clock = clock
        self.sent: list[str] = []

    def post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str = JSON) -> Reply:
        """See `Transport`."""
        parts = urlsplit(url)
        self.sent.append(f"{parts.netloc}{parts.path}")
        began, left = self.clock.seconds, time_left()
        if left <= 0:
            raise PortalTimeout
        if parts.netloc not in self.portals:
            raise PortalUnreachable("no such host")
        headers = {"content-type": content_type, "host": parts.netloc}
        request = Request("POST", parts.path, parts.query, headers, body, base_url=f"https://{parts.netloc}")
        response = dispatch(self.portals[parts.netloc], request)
        self.clock.seconds += response.delay
        if self.clock.seconds - began >= left or response.delivery is Delivery.TRICKLE:
            self.clock.seconds = began + left
            raise PortalTimeout
        if response.delivery is Delivery.RESET:
            raise PortalUnreachable("reset")
        if response.delivery is Delivery.TRUNCATED:
            raise UnreadableAnswer("cut short")
        return Reply(response.status, response.body if response.stream is None else b"".join(response.stream))


class Answer(NamedTuple):
    """What the API answered."""

    status: int
    body: Any
    headers: dict[str, str]


class VirtualStack:
    """AWS, portals and the service.

    Args:
        wrap: put around each client of AWS and around the transport, e.g. to cut calls off.
        threads: how many records a look writes at once; 1 makes the order of calls the same each time.
        clock: another clock than one that starts at ``start``.

    Attributes:
        watch: put around each client of AWS of every stack there is, for who wants to know what is called.
    """

    watch: Wrap = staticmethod(lambda client: client)

    def __init__(
        self, *, start: datetime = START, wrap: Wrap = lambda client: client, threads: int = 1,
        clock: VirtualClock | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock or VirtualClock(start)
        self.portals: dict[str, Portal] = {}
        self.dynamodb = DynamoDB({
            STATE: Table({"pk": "S", "sk": "S"}, {"due": Index({"queue": "S", "due": "N"}, "KEYS_ONLY")}),
            IDEMPOTENCY: Table({"id": "S"}),
        })  # fmt: skip
        self.queues = Queues(
            {
                ACCOUNTS: Queue(LAMBDA_SECONDS + 30, Redrive(ACCOUNT_DEAD, 5), deduplicates_by_group=True),
                ACCOUNT_DEAD: Queue(),
                SCHEDULE_DEAD: Queue(),
            },
            self.clock.unix,
        )
        self.secrets = SecretsManager(self.clock.unix)
        self.transport = WiredTransport(self.portals, self.clock)
        self._wrap = wrap
        self._threads = threads
        self._numbers = itertools.count(1)
        self.environment = dict(ENVIRONMENT)
        self.new_process()

    def new_process(self) -> None:
        """A new Lambda instance, which remembers nothing and takes up a changed ``environment``."""
        dynamodb, secrets, sqs = (
            self._wrap(self.watch(client)) for client in (self.dynamodb, self.secrets, self.queues)
        )
        aws = Aws(dynamodb, lambda: secrets, lambda: sqs)
        service = build(self.environment, aws, self._wrap(self.transport), self.clock, self._threads)
        self._handler = service.telemetry.observe(partial(app.dispatch, service))

    # ---- the world --------------------------------------------------------------------------------------------------

    def add_portal(self, host: str = "portal.example", **options: Any) -> Portal:
        """A portal in this stack's time."""
        self.portals[host] = Portal(clock=self.clock.unix, sleep=self.clock.sleep, **options)
        return self.portals[host]

    def put_account(self, account: str, secret: Mapping[str, Any]) -> None:
        """Creates or replaces an account's secret."""
        name, text = f"quiet-hours/{account}", json.dumps(secret)
        try:
            self.secrets.create_secret(Name=name, SecretString=text)
        except self.secrets.exceptions.ResourceExistsException:
            self.secrets.put_secret_value(SecretId=name, SecretString=text)

    # ---- what invokes the service -----------------------------------------------------------------------------------

    def invoke(self, event: Any) -> Any:
        """One invocation of the function."""
        return self._handler(event, _Context(self.clock, f"request-{next(self._numbers)}"))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        caller: str = CALLER,
    ) -> Answer:
        """One request to the API; ``body`` is sent as JSON, a text as it is."""
        route, _, query = path.partition("?")
        _, account, *rest = route.split("/")
        proxy = "/".join(rest)
        parameters = dict(pair.split("=", 1) for pair in query.split("&")) if query else None
        answer = self.invoke({
            "resource": route if route in _PUBLIC else "/{account}/{proxy+}" if proxy else "/{account}",
            "path": route,
            "httpMethod": method,
            "headers": dict(headers or {}),
            "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
            "queryStringParameters": parameters,
            "multiValueQueryStringParameters": parameters and {name: [value] for name, value in parameters.items()},
            "pathParameters": {"account": account, **({"proxy": proxy} if proxy else {})},
            "requestContext": {"requestId": "request", "identity": {"userArn": caller}},
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "isBase64Encoded": False,
        })  # fmt: skip
        body = answer["body"] or None
        if answer["headers"].get("Content-Type") == "application/json":
            body = json.loads(answer["body"])
        return Answer(answer["statusCode"], body, answer["headers"])

    def tick(self, at: datetime | None = None) -> int:
        """EventBridge Scheduler's tick, now or as it was due. Returns how many accounts were queued."""
        queued: int = self.invoke({"tick": (at or self.clock.now()).isoformat()})["queued"]
        return queued

    def work(self) -> int:
        """Delivers what is in the account queue until there is nothing more. Returns how many messages."""
        handled = 0
        while self.deliver():
            handled += 1
        return handled

    def deliver(self) -> bool:
        """Delivers one message, and deletes it if the function did not raise. False if there was none."""
        for message in self.queues.receive_message(QueueUrl=ACCOUNTS, MaxNumberOfMessages=1).get("Messages", []):
            self.handle(message["Body"])
            self.queues.delete_message(QueueUrl=ACCOUNTS, ReceiptHandle=message["ReceiptHandle"])
            return True
        return False

    def handle(self, body: str) -> None:
        """One delivery of a message."""
        self.invoke({"Records": [{"messageId": "message", "eventSource": "aws:sqs", "body": body}]})

    def minute(self, at: datetime | None = None) -> None:
        """Goes to a moment, ticks, and lets the workers work."""
        if at is not None:
            self.clock.set(at)
        self.tick()
        self.work()


class _Context:
    """Lambda's context object."""

    function_name = "chat-mute"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:000000000000:function:chat-mute"

    def __init__(self, clock: VirtualClock, aws_request_id: str) -> None:
        self.aws_request_id = aws_request_id
        self._left = clock.budget(LAMBDA_SECONDS)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would kill the invocation."""
        return int(self._left() * 1000)
