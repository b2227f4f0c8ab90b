"""What an account's client remembers, in DynamoDB and Secrets Manager, as the layer bitrix24 wants it."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bitrix24 import Credentials
from chat_mute.accounts import Secrets, parse
from chat_mute.store import Store


class AccountStore:
    """One account's `bitrix24.Store`."""

    def __init__(self, store: Store, secrets: Secrets, account: str) -> None:
        self._store = store
        self._secrets = secrets
        self._account = account
        self._owner = uuid.uuid4().hex

    def pauses(self) -> Mapping[str, datetime]:
        """See `Store.pauses`."""
        return self._store.pauses(self._account)

    def pause(self, method: str, until: datetime) -> None:
        """See `Store.pause`."""
        self._store.pause(self._account, method, until)

    def load(self) -> Credentials:
        """The credentials as the secret holds them now."""
        credentials, _ = parse(self._secrets.read(self._account, again=True))
        return credentials

    def save(self, document: Mapping[str, Any]) -> None:
        """Replaces the secret."""
        self._secrets.write(self._account, document)

    def lock_refresh(self, now: datetime, until: datetime) -> bool:
        """See `Store.lock_refresh`."""
        return self._store.lock_refresh(self._account, self._owner, now, until)

    def unlock_refresh(self) -> None:
        """See `Store.unlock_refresh`."""
        self._store.unlock_refresh(self._account, self._owner)
