"""DynamoDB: what the service remembers about accounts.

Items of the state table have the partition key ``pk`` = ``account#NAME``, and by sort key ``sk``:

* ``account``: the account itself. While it waits for a look it is in the sparse index ``due``, by ``queue`` and ``due``
  (Unix seconds). ``asks`` counts the changes that want a look, ``leases`` the times it was queued, ``tries`` those
  since a look has ended, ``failures`` the looks in a row that ended in trouble. It is ``pending`` while a message about
  it is on its way, and ``active`` while there may be holds or a window may run. ``jobs`` are those open. Each paused
  method is one attribute ``pause METHOD`` (``*`` for all), its end in Unix seconds. ``crowd``
  counts calls that a portal's full bucket refused in the seconds up to ``crowded``.
* ``refresh``: who is refreshing the account's tokens (``owner``), and until when at most (``until``).
* ``policy#NAME``, ``hold#CHAT_ID``: a `document` (see `documents`) and its ``version``, new with each write. A hold has
  the decision that made it beside it.
* ``job#ID``: a document and version too; ``open#...`` beside it while there is anything to do, in the order of age; and
  ``result#ID#FROM`` with up to 100 of its results. They go by themselves at ``expires`` (Unix seconds).

And beside the accounts, ``portal#HOST``, ``bucket``: how full the portal's bucket of requests was (``level``), and when
(``seen``).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from chat_mute.documents import hold_text, policy_text, read_hold, read_policy
from chat_mute.job import KEPT, Job, Result, job_text, read_job
from chat_mute.quiet_hours.holds import Hold
from chat_mute.quiet_hours.policy import Policy, unreadable
from chat_mute.quiet_hours.reading import PolicyError
from chat_mute.table import Item, Number, Table, moment, number, version

DUE_INDEX = "due"
LEASE = timedelta(seconds=180)
"""The function's time-out and a minute: after that a worker that has not been heard of is taken for dead."""
_DOUBLINGS = 4
CALL = timedelta(seconds=30)
"""A little longer than a call of the API may take."""
QUEUE = "accounts"
_PAUSE = "pause "
_PAGE = 1000
RESULTS = 100
"""Results of a job to an item, and to a page of the API."""
T = TypeVar("T")


class Saved(NamedTuple, Generic[T]):
    """What was read, and the version that a write can insist on."""

    value: T
    version: str


@dataclass(frozen=True)
class Head:
    """An account's own item; see the module.

    Attributes:
        pauses: until when the account must not call a method; past instants may be among them.
        due: when it next needs a look, None for never; while it is pending, when it is queued again.
        asks: a look that began at this count has seen everything asked for up to it.
        pending: a look has been queued and has not ended.
        active: there may be holds, or a window may run.
        failures: looks in a row that ended in trouble.
        jobs: how many are open.
    """

    pauses: Mapping[str, datetime] = field(default_factory=dict)
    due: datetime | None = None
    asks: int = 0
    pending: bool = False
    active: bool = False
    failures: int = 0
    jobs: int = 0

    def at_rest(self, now: datetime) -> bool:
        """Whether nothing is held, no window runs and no job waits, nor will any begin while a call is on its way."""
        resting = not self.active and not self.pending and not self.jobs
        return resting and (self.due is None or self.due > now + CALL)


class Settlement(NamedTuple):
    """What a look at an account leaves behind.

    Attributes:
        asks: the head's when the look began.
        due: when it needs the next one, None for never.
        active: whether there are holds or a window runs.
        failures: looks in a row that ended in trouble.
        portal: the account's host, where it is known.
    """

    asks: int
    due: datetime | None
    active: bool
    failures: int = 0
    portal: str | None = None


class DueAccount(NamedTuple):
    """An account in the index, and since when it is due."""

    name: str
    due: Number


class Lease(NamedTuple):
    """The right to queue an account: its ``number`` is new each time, its ``portal`` a host where one is known."""

    number: int
    portal: str | None


class Store:
    """The state table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._fresh: dict[str, Mapping[str, datetime]] = {}

    # ---- an account and its pauses -----------------------------------------------------------------------------------

    def head(self, account: str, *, calling: bool = False) -> Head:
        """The account's own item. One consistent read; where a call to the portal follows, its `pauses` need none."""
        item = self._table.get(partition(account), "account") or {}
        pauses = {name.removeprefix(_PAUSE): moment(item[name]) for name in item if name.startswith(_PAUSE)}
        if calling:
            self._fresh[account] = pauses
        return Head(
            pauses=pauses,
            due=moment(item["due"]) if "due" in item else None,
            asks=number(item, "asks"),
            pending="pending" in item,
            active="active" in item,
            failures=number(item, "failures"),
            jobs=number(item, "jobs"),
        )

    def pauses(self, account: str) -> Mapping[str, datetime]:
        """The account's pauses: those of a `head` read just before for the same purpose, else of a new one."""
        fresh = self._fresh.pop(account, None)
        return self.head(account).pauses if fresh is None else fresh

    def pause(self, account: str, method: str, until: datetime) -> None:
        """Remembers one pause beside the others. One write."""
        self._table.update(partition(account), "account", {f"{_PAUSE}{method}": until})

    # ---- the due index ----------------------------------------------------------------------------------------------

    def due(self, now: datetime) -> Iterator[DueAccount]:
        """The accounts whose time has come, longest due first. A query of the index for each 1,000 of them.

        The index lags behind the table, so `lease` insists on what it says.
        """
        found = self._table.index(DUE_INDEX, "#queue = :queue AND #due <= :now", _PAGE, queue=QUEUE, now=now)
        return (DueAccount(item["pk"]["S"].removeprefix("account#"), Number(item["due"]["N"])) for item in found)

    def lease(self, found: DueAccount, now: datetime) -> Lease | None:
        """Moves an account's ``due`` ahead, so that it is queued once; None if somebody has been quicker.

        An account that is queued again and again without an end of its look kills its workers, and each of those holds
        up its portal: so each lease is twice as long as the one before, up to about an hour.
        """
        pk, until = partition(found.name), now + LEASE
        change = {"due": until, "pending": True}
        item = self._table.update_if("#due = :seen", pk, "account", change, {"leases": 1, "tries": 1}, seen=found.due)
        if item is None:
            return None
        if (tries := number(item, "tries")) > 1:
            longer = now + LEASE * 2 ** min(tries - 1, _DOUBLINGS)
            self._table.update_if("#due = :mine", pk, "account", {"due": longer}, mine=until)
        return Lease(number(item, "leases"), item.get("portal", {}).get("S"))

    def give_back(self, account: str, now: datetime) -> None:
        """Undoes a lease: the account could not be queued."""
        self._table.update(partition(account), "account", _planned(now), {"tries": -1})

    def ask(self, account: str, due: datetime) -> None:
        """Wants a look at the account at ``due``, whatever was planned, because something of it has changed."""
        self._table.update(*self._asking(account, due))

    def postpone(self, account: str, asks: int, due: datetime | None) -> None:
        """Puts the look back to ``due`` once what was asked for has been done, unless somebody has asked since."""
        unchanged = "#asks = :asks AND attribute_not_exists(#pending)"
        self._table.update_if(unchanged, partition(account), "account", _planned(due), asks=asks)

    def settle(self, account: str, settlement: Settlement, now: datetime) -> None:
        """Ends a look: plans the next one, which is at once if somebody has asked for something since it began."""
        change = {
            **_planned(settlement.due),
            "pending": None,
            "tries": None,
            "active": settlement.active or None,
            "failures": settlement.failures,
            **({"portal": settlement.portal} if settlement.portal else {}),
        }
        # A look at an account that nobody has asked about begins at 0, which is no attribute.
        same: dict[str, Any] = {"asks": settlement.asks} if settlement.asks else {}
        unasked = "#asks = :asks" if same else "attribute_not_exists(#asks)"
        # Counts up too: of two workers on one account, the one that read first must not overwrite the other's plan.
        if self._table.update_if(unasked, partition(account), "account", change, {"asks": 1}, **same) is None:
            again = {**_planned(now), "pending": None, "tries": None, "active": True}
            self._table.update(partition(account), "account", again)

    # ---- policies ---------------------------------------------------------------------------------------------------

    def policies(self, account: str) -> list[Saved[Policy]]:
        """All of an account's policies, by name. Consistent."""
        return [_policy(item) for item in self._table.items(partition(account), "policy#")]

    def policy(self, account: str, name: str) -> Saved[Policy] | None:
        """One policy. Consistent."""
        item = self._table.get(partition(account), f"policy#{name}")
        return None if item is None else _policy(item)

    def save_policy(self, account: str, policy: Policy, seen: str | None, *, now: datetime, portal: str) -> str:
        """Stores a policy and wants a look at the account, both or neither.

        Args:
            account: whose.
            policy: the new one.
            seen: the version it replaces, None for none.
            now: aware.
            portal: the account's host.

        Returns:
            The new version.

        Raises:
            Conflict: it is not what was seen.
        """
        put = self._table.put(partition(account), f"policy#{policy.name}", {"document": policy_text(policy)}, seen)
        self._table.together(("Put", put), ("Update", self._table.change(*self._asking(account, now, portal=portal))))
        return version(put)

    def remove_policy(self, account: str, name: str, seen: str, *, now: datetime) -> None:
        """Removes a policy and wants a look at the account, both or neither.

        Raises:
            Conflict: it is not what was seen.
        """
        gone = self._table.delete(partition(account), f"policy#{name}", seen)
        self._table.together(("Delete", gone), ("Update", self._table.change(*self._asking(account, now))))

    # ---- holds ------------------------------------------------------------------------------------------------------

    def holds(self, account: str) -> list[Saved[Hold]]:
        """All of an account's holds. Consistent."""
        return [_hold(item) for item in self._table.items(partition(account), "hold#")]

    def holds_page(self, account: str, after: str | None, limit: int) -> tuple[list[Saved[Hold]], str | None]:
        """Some of an account's holds, and the number of the chat to go on after; None at the end."""
        items, last = self._table.page(partition(account), "hold#", after and f"hold#{after}", limit)
        return [_hold(item) for item in items], last and last.removeprefix("hold#")

    def hold(self, account: str, chat_id: int) -> Saved[Hold] | None:
        """One chat's hold. Consistent."""
        item = self._table.get(partition(account), f"hold#{chat_id}")
        return None if item is None else _hold(item)

    def save_hold(self, account: str, hold: Hold, seen: str | None, decided: str) -> str:
        """Stores a hold beside the decision that made it. One conditional write.

        Returns:
            The new version.

        Raises:
            Conflict: it is not what was seen.
        """
        return self._table.save(self._holding(account, hold, seen, decided))

    def remove_hold(self, account: str, chat_id: int, seen: str) -> None:
        """Removes a hold. One conditional write.

        Raises:
            Conflict: it is not what was seen.
        """
        self._table.remove(self._table.delete(partition(account), f"hold#{chat_id}", seen))

    def begin_hold(self, account: str, hold: Hold, seen: str | None, decided: str, due: datetime) -> str:
        """Stores a hold and wants a look at ``due`` in case that what comes next does not happen, both or neither.

        Returns:
            The new version.

        Raises:
            Conflict: it is not what was seen.
        """
        put = self._holding(account, hold, seen, decided)
        self._table.together(("Put", put), ("Update", self._table.change(*self._asking(account, due, active=True))))
        return version(put)

    def _holding(self, account: str, hold: Hold, seen: str | None, decided: str) -> Item:
        fields = {"document": hold_text(hold), "decided": decided}
        return self._table.put(partition(account), f"hold#{hold.chat_id}", fields, seen)

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def add_job(self, account: str, job: Job, *, now: datetime, portal: str) -> None:
        """Stores a new job and wants a look at the account, all or nothing."""
        pk = partition(account)
        marker = self._table.put(pk, f"open#{job.sort}", {"job": job.id, "expires": _expiry(job)}, None)
        pk, kind, fields, add = self._asking(account, now, portal=portal)
        self._table.together(
            ("Put", self._putting(account, job, None)),
            ("Put", marker),
            ("Update", self._table.change(pk, kind, fields, {**add, "jobs": 1})),
        )

    def job(self, account: str, job_id: str) -> Saved[Job] | None:
        """One job. Consistent."""
        item = self._table.get(partition(account), f"job#{job_id}")
        return None if item is None else Saved(read_job(job_id, item["document"]["S"]), item["version"]["S"])

    def open_jobs(self, account: str) -> list[Saved[Job]]:
        """The jobs there is anything to do for, oldest first. Consistent."""
        found = [self.job(account, item["job"]["S"]) for item in self._table.items(partition(account), "open#")]
        return [saved for saved in found if saved is not None and saved.value.open]  # one may have ended meanwhile

    def save_job(self, account: str, job: Job, seen: str, results: Sequence[Result]) -> str:
        """Stores a job's progress with the results that made it, all or nothing; an ended one is not open any more.

        Returns:
            The new version.

        Raises:
            Conflict: it is not what was seen.
        """
        pk, put = partition(account), self._putting(account, job, seen)
        first = job.position - len(results)
        writes = [("Put", put)]
        for start in range(0, len(results), RESULTS):
            fields = {"results": json.dumps(results[start : start + RESULTS]), "expires": _expiry(job)}
            writes.append(("Put", self._table.put(pk, f"result#{job.id}#{first + start:06}", fields, None)))
        if not job.open:
            writes.append(("Delete", self._table.delete(pk, f"open#{job.sort}", None)))
            writes.append(("Update", self._table.change(pk, "account", {}, {"jobs": -1})))
        self._table.together(*writes)
        return version(put)

    def results(self, account: str, job_id: str, start: int) -> list[Result]:
        """Up to 100 of a job's results, from one on that begins a hundred."""
        item = self._table.get(partition(account), f"result#{job_id}#{start:06}")
        return [] if item is None else [Result(*one) for one in json.loads(item["results"]["S"])]

    def _putting(self, account: str, job: Job, seen: str | None) -> Item:
        fields = {"document": job_text(job), "expires": _expiry(job)}
        return self._table.put(partition(account), f"job#{job.id}", fields, seen)

    # ---- portals ----------------------------------------------------------------------------------------------------

    def bucket(self, portal: str) -> tuple[float, datetime] | None:
        """How full a portal's bucket was when a look last ended, and when that was. Consistent."""
        item = self._table.get(f"portal#{portal}", "bucket")
        return None if item is None else (float(item["level"]["N"]), moment(item["seen"]))

    def save_bucket(self, portal: str, level: float, now: datetime) -> None:
        """Remembers how full a portal's bucket is, for whoever looks next, on whatever machine. One write."""
        self._table.update(f"portal#{portal}", "bucket", {"level": level, "seen": now})

    @staticmethod
    def _asking(account: str, due: datetime, **more: Any) -> tuple[str, str, Item, Item]:
        return partition(account), "account", {**_planned(due), **more}, {"asks": 1}


def _expiry(job: Job) -> int:
    return int((job.created_at + KEPT).timestamp())


def partition(account: str) -> str:
    """The partition key of all that is an account's."""
    return f"account#{account}"


def _planned(due: datetime | None) -> Item:
    """An account in the index, or out of it."""
    return {"due": due, "queue": QUEUE if due else None}


def _policy(item: Item) -> Saved[Policy]:
    name = item["sk"]["S"].removeprefix("policy#")
    try:
        policy = read_policy(name, item["document"]["S"])
    except PolicyError:
        policy = unreadable(name)
    return Saved(policy, item["version"]["S"])


def _hold(item: Item) -> Saved[Hold]:
    chat_id = int(item["sk"]["S"].removeprefix("hold#"))
    return Saved(read_hold(chat_id, item["document"]["S"]), item["version"]["S"])
