"""A client for Bitrix24's REST, for code that must know exactly what happened to each call.

transport = Transport()
client = Client(Webhook.parse(url), transport, store)
chats.mute(client, chat_id=1489, muted=True, time_left=lambda: 10.0)
"""

from bitrix24 import chats, errors
from bitrix24.answer import Answer
from bitrix24.auth import Webhook
from bitrix24.client import EVERY_METHOD, Client, Store
from bitrix24.clock import Clock, TimeLeft
from bitrix24.transport import Transport

__all__ = ["EVERY_METHOD", "Answer", "Client", "Clock", "Store", "TimeLeft", "Transport", "Webhook", "chats", "errors"]
