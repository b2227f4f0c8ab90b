"""DynamoDB: all accounts at once, by the due index; and an account's end. For operators."""

from collections.abc import Iterator

from chat_mute.store import DUE_INDEX, QUEUE, DueAccount
from chat_mute.table import Number, Table, key, value

_PAGE = 1000
_KINDS = "policy#", "hold#", "open#", "job#", "result#", "refresh", "account"
"""The head goes last, so that an end cut short is begun again."""


class Roster:
    """The accounts of the state table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def waiting(self, after: DueAccount | None = None) -> Iterator[DueAccount]:
        """Every account that waits for a look, soonest due first: whoever has holds, policies or jobs does.

        A query of the index for each 1,000; no scan, however much is held.
        """
        start = after and {"queue": value(QUEUE), "due": value(after.due), **key(_pk(after.name), "account")}
        found = self._table.index(DUE_INDEX, "#queue = :queue", _PAGE, after=start, queue=QUEUE)
        return (DueAccount(item["pk"]["S"].removeprefix("account#"), Number(item["due"]["N"])) for item in found)

    def erase(self, account: str) -> None:
        """Removes all that is stored of an account. One write for each item."""
        pk = _pk(account)
        for kind in _KINDS:
            for item in self._table.items(pk, kind):
                self._table.remove(self._table.delete(pk, item["sk"]["S"], None))


def _pk(account: str) -> str:
    return f"account#{account}"
