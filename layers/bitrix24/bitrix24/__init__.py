"""A client for Bitrix24's REST, for code that must know exactly what happened to each call.

README.md, beside this package, shows how it is used in ten lines.
"""

from bitrix24 import chats, errors, muting, users
from bitrix24.answer import Answer
from bitrix24.auth import Credentials, OAuth, Webhook
from bitrix24.batch import Command
from bitrix24.client import CROWD, EVERY_METHOD, Client, Outcome
from bitrix24.clock import Clock, TimeLeft
from bitrix24.limits import PortalLimits, Rate
from bitrix24.store import MemoryStore, Store
from bitrix24.transport import Transport

__all__ = [
    "CROWD",
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
