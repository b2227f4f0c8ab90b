"""DynamoDB: all accounts at once, by the due index; and an account's end. For operators."""

from collections.abc import Iterator

from chat_mute.store import DUE_INDEX, QUEUE, DueAccount, partition
from chat_mute.table import Number, Table, key, value

_PAGE = 1000
_KINDS = "policy#", "open#", "job#", "result#", "refresh"
"""What goes with an account. Holds do not: without its record, nobody would ever unmute a chat."""


class Roster:
    """The accounts of the state table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def waiting(self, after: DueAccount | None = None) -> Iterator[DueAccount]:
        """Every account that waits for a look, soonest due first: whoever has holds, policies or jobs does.

        A query of the index for each 1,000; no scan, however much is held.
        """
        start = after and {"queue": value(QUEUE), "due": value(after.due), **key(partition(after.name), "account")}
        found = self._table.index(DUE_INDEX, "#queue = :queue", _PAGE, after=start, queue=QUEUE)
        return (DueAccount(item["pk"]["S"].removeprefix("account#"), Number(item["due"]["N"])) for item in found)

    def erase(self, account: str, asks: int) -> bool:
        """Removes all that is stored of an account that holds nothing. One write for each item.

        The head goes first, so that what is asked for from then on begins a new one; cut short, this is to be repeated.

        Args:
            account: which one.
            asks: the head's, read before the holds.

        Returns:
            False, and nothing is removed, if somebody has asked for something since, or a look is on its way.
        """
        pk = partition(account)
        stored = [item["sk"]["S"] for kind in _KINDS for item in self._table.items(pk, kind)]
        same = {"asks": asks} if asks else {}
        unasked = "#asks = :asks" if same else "attribute_not_exists(#asks)"
        if not self._table.remove_if(f"{unasked} AND attribute_not_exists(#pending)", pk, "account", **same):
            return False
        for sk in stored:
            self._table.remove(self._table.delete(pk, sk, None))
        return True
