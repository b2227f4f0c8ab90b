"""A client for Bitrix24's REST, for code that must know exactly what happened to each call.

transport = Transport()
client = Client(Webhook.parse(url), transport, store)
chats.mute(client, chat_id=1489, muted=True, time_left=lambda: 10.0)
"""

from bitrix24 import chats, errors, muting, users
from bitrix24.answer import Answer
from bitrix24.auth import Credentials, OAuth, Webhook
from bitrix24.batch import Command
from bitrix24.client import EVERY_METHOD, Client, Outcome
from bitrix24.clock import Clock, TimeLeft
from bitrix24.limits import PortalLimits, Rate
from bitrix24.store import MemoryStore, Store
from bitrix24.transport import Transport

__all__ = [
    "EVERY_METHOD",
    "Answer",
    "Client",
    "Clock",
    "Command",
    "Credentials",
    "MemoryStore",
    "OAuth",
    "Outcome",
    "PortalLimits",
    "Rate",
    "Store",
    "TimeLeft",
    "Transport",
    "Webhook",
    "chats",
    "errors",
    "muting",
    "users",
]
