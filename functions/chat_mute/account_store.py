"""What an account's client remembers, in DynamoDB and Secrets Manager, as the layer bitrix24 wants it."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bitrix24 import CROWD, Credentials
from chat_mute.accounts import Secrets, parse
from chat_mute.store import Store, partition
from chat_mute.table import Table, moment, number


class AccountStore:
    """One account's `bitrix24.Store`."""

    def __init__(self, store: Store, table: Table, secrets: Secrets, account: str) -> None:
        self._store = store
        self._table = table
        self._secrets = secrets
        self._account = account
        self._partition = partition(account)
        self._owner = uuid.uuid4().hex

    def pauses(self) -> Mapping[str, datetime]:
        """See `Store.pauses`."""
        return self._store.pauses(self._account)

    def pause(self, method: str, until: datetime) -> None:
        """See `Store.pause`."""
        self._store.pause(self._account, method, until)

    def may_wait(self, now: datetime, until: datetime, most: int) -> bool:
        """Counts calls: one conditional write, and one more by the first of them and by those from ``most`` on."""
        item = self._table.update_if("#crowded > :now", self._partition, "account", {}, {"crowd": 1}, now=now)
        if item is None:
            self._table.update(self._partition, "account", {"crowd": 1, "crowded": until})
            return True
        count = number(item, "crowd")
        if count >= most:
            self.pause(CROWD, moment(item["crowded"]))
        return count <= most

    def load(self) -> Credentials:
        """The credentials as the secret holds them now."""
        credentials, _ = parse(self._secrets.read(self._account, again=True))
        return credentials

    def save(self, document: Mapping[str, Any]) -> None:
        """Replaces the secret."""
        self._secrets.write(self._account, document)

    def lock_refresh(self, now: datetime, until: datetime) -> bool:
        """Makes this process the account's only refresher, unless another one is and has time left.

        One conditional write.
        """
        free = "attribute_not_exists(#until) OR #until < :now OR #owner = :mine"
        change = {"owner": self._owner, "until": until}
        return self._table.update_if(free, self._partition, "refresh", change, now=now, mine=self._owner) is not None

    def unlock_refresh(self) -> None:
        """Lets the next one refresh, if this process is still the one. One conditional write."""
        nobodys = {"owner": None, "until": None}
        self._table.update_if("#owner = :mine", self._partition, "refresh", nobodys, mine=self._owner)
