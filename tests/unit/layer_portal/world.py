"""A client and a simulated portal that meet without a socket, in virtual time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bitrix24 import Client, Clock, Credentials, MemoryStore, OAuth, PortalLimits, TimeLeft, Transport, Webhook
from bitrix24.errors import PortalTimeout, PortalUnreachable, UnreadableAnswer
from bitrix24.transport import JSON, Reply
from local.portal import Limits, Portal, Quirks, Request, dispatch
from local.portal.wire import Delivery

ANN, BEN = 503, 547
HOST = "portal.example"
CODE = "c0de5ecretlayer1"
START = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class VirtualClock(Clock):
    """Time passes when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def unix(self) -> float:
        return self.now().timestamp()

    def budget(self, seconds: float) -> TimeLeft:
        end = self.seconds + seconds
        return lambda: end - self.seconds


class WiredTransport(Transport):
    """Hands requests to the simulator; lost and spoilt deliveries come out as the real transport tells them."""

    def __init__(self, portal: Portal, clock: VirtualClock) -> None:
        self.portal = portal
        self.clock = clock
        self.sent: list[str] = []

    def post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str = JSON) -> Reply:
        parts = urlsplit(url)
        self.sent.append(f"{parts.netloc}{parts.path}")
        began, left = self.clock.seconds, time_left()
        if left <= 0:
            raise PortalTimeout
        headers = {"content-type": content_type, "host": parts.netloc}
        request = Request("POST", parts.path, parts.query, headers, body, base_url=f"https://{parts.netloc}")
        response = dispatch(self.portal, request)
        self.clock.seconds += response.delay
        if self.clock.seconds - began >= left or response.delivery is Delivery.TRICKLE:
            self.clock.seconds = began + left
            raise PortalTimeout
        if response.delivery is Delivery.RESET:
            raise PortalUnreachable("reset")
        if response.delivery is Delivery.TRUNCATED:
            raise UnreadableAnswer("cut short")
        return Reply(response.status, response.body if response.stream is None else b"".join(response.stream))


class World:
    """Ann's account on a portal with chats 1 to ``chats``."""

    def __init__(
        self, *, oauth: bool = False, chats: int = 3, seconds: float = 1000, quirks: Quirks | None = None,
        limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.clock = VirtualClock()
        self.portal = Portal(clock=self.clock.unix, sleep=self.clock.sleep, quirks=quirks, limits=limits)
        self.portal.add_user(ANN)
        self.portal.add_user(BEN)
        for chat_id in range(1, chats + 1):
            self.portal.add_chat(chat_id, members=[ANN])
        self.app = self.portal.oauth.add_app()
        self.credentials = self._tokens() if oauth else self._webhook()
        self.store = MemoryStore(self.credentials)
        self.transport = WiredTransport(self.portal, self.clock)
        self.limits = PortalLimits(clock=self.clock)
        self.time_left = self.clock.budget(seconds)
        self.client = self.another_client()

    def another_client(self) -> Client:
        """The same account in another process: what it read of the store is as old as this world's beginning."""
        return Client(self.credentials, self.transport, self.store, self.clock, self.limits, frozenset({HOST}))

    def _webhook(self) -> Credentials:
        self.portal.add_webhook(ANN, CODE)
        return Webhook.parse(f"https://{HOST}/rest/{ANN}/{CODE}/")

    def _tokens(self) -> Credentials:
        return OAuth.parse(self.document())

    def document(self) -> dict[str, Any]:
        """A new pair of tokens as they are stored."""
        pair = self.portal.oauth.issue(self.app, ANN, f"https://{HOST}")
        return {"client_id": self.app.client_id, "client_secret": self.app.client_secret, **pair}

    def calls(self, method: str) -> int:
        return len(self.portal.calls_of(method))

    def muted(self) -> set[int]:
        return self.portal.muted_chats(ANN)
