"""A client and a simulated portal that meet without a socket, in virtual time."""

from typing import Any

from bitrix24 import Client, Credentials, MemoryStore, OAuth, PortalLimits, Webhook
from local.portal import Limits, Portal, Quirks
from local.virtual import VirtualClock, WiredTransport

__all__ = ["ANN", "BEN", "CODE", "HOST", "VirtualClock", "World"]

ANN, BEN = 503, 547
HOST = "portal.example"
CODE = "c0de5ecretlayer1"


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
        self.transport = WiredTransport({HOST: self.portal}, self.clock)
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
