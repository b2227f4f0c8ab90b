"""Use case: bring one account to where its policies and callers want it.

Level-triggered: what should be true now is decided from policies, records and what the portal shows, whatever happened
before. People are let down least by a chat too loud, so releases come before mutes.
"""

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from bitrix24 import Client, TimeLeft
from bitrix24.errors import Bitrix24Error, Paused, is_broken
from chat_mute.accounts import Accounts
from chat_mute.errors import AccountNotFound
from chat_mute.job import GIVE_UP, Job
from chat_mute.job_work import JobWork
from chat_mute.look import Look, Task, by_chat
from chat_mute.observability import Telemetry
from chat_mute.quiet_hours.agenda import Agenda
from chat_mute.quiet_hours.decision import Action, decide, release
from chat_mute.quiet_hours.holds import Hold, State
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import Only
from chat_mute.quiet_hours.situation import Situation
from chat_mute.store import Head, Saved, Settlement, Store
from chat_mute.table import Conflict

NEW_CHATS = timedelta(minutes=15)
"""How often a running window is looked at again, for chats that are new and chats that people have unmuted."""
_RETRY, _RETRY_MAX = timedelta(minutes=1), timedelta(minutes=15)
_HORIZON = timedelta(days=365)
"""Windows are looked for a little further ahead than this."""
_OVERDUE = timedelta(minutes=5)
_FAILING = 5000
"""Results written together, as many as fit a transaction of 100 items."""


class Reconcile:
    """Looks at accounts.

    Args:
        accounts: their clients.
        store: their policies, records and jobs.
        telemetry: where each change leaves a line and a count.
        threads: how many records are written at once.
        release_only: whether nothing is muted any more and everything is let go of.
    """

    def __init__(
        self, accounts: Accounts, store: Store, telemetry: Telemetry, threads: int, *, release_only: bool
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._telemetry = telemetry
        self._threads = threads
        self._release_only = release_only
        self._decide = release if release_only else decide

    def account(self, account: str, *, now: datetime, time_left: TimeLeft) -> None:
        """Looks at one account, does what there is to do while there is time, and plans the next look.

        A message may come twice (SQS delivers at least once), and an account may be queued twice in a long queue: where
        nothing is due, nothing is done. A portal's trouble is a later look, never an exception; so is a fault of our
        own, as long as that can be noted, for a message that fails holds up all the accounts of its portal.
        """
        head = self._store.head(account)
        if not head.pending and (head.due is None or head.due > now):
            self._telemetry.count("NothingDue")
            return
        try:
            settlement = self._accounts.use(account, lambda client: self._look(account, client, head, now, time_left))
        except (AccountNotFound, Bitrix24Error) as error:
            settlement = self._in_trouble(account, head, error, now)
        except Exception:  # our own fault, or AWS's, told apart from every other here, logged and counted
            self._telemetry.logger.exception("internal error", extra={"account": account})
            self._telemetry.count("InternalError")
            holds = [saved.value for saved in self._store.holds(account)]
            self._count_overdue(holds, {hold.chat_id for hold in holds}, now)
            later = _later([], head.failures, now)
            settlement = Settlement(head.asks, later, active=True, failures=head.failures + 1)
        self._store.settle(account, settlement, now)

    def _look(self, account: str, client: Client, head: Head, now: datetime, time_left: TimeLeft) -> Settlement:
        """Reads the records, then the portal, decides, and carries it out: releases, mutes, jobs.

        Raises:
            Bitrix24Error: nothing can be done for this account now.
        """
        policies = [saved.value for saved in self._store.policies(account)]
        for policy in policies:
            if not policy.readable:
                self._telemetry.logger.error("policy unreadable", extra={"account": account, "policy": policy.name})
                self._telemetry.count("PolicyUnreadable")
        agenda = Agenda(policies, now)
        holds, versions = by_chat(self._store.holds(account))
        jobs = self._store.open_jobs(account) if head.jobs else []
        refused = [job for job in jobs if self._release_only and job.value.terms.muted]
        ended = [self._fail(account, job, "RELEASE_ONLY", now) for job in refused]
        jobs = [job for job in jobs if job not in refused]
        look = Look(
            account, client, self._store, self._telemetry, agenda, now, time_left, self._threads, holds, versions,
            unfinished=not all(ended),
        )  # fmt: skip
        if holds or agenda.running or jobs:
            with self._bucket(client, now, time_left):
                self._carry_out(look, _named(policies), jobs)
        if (broken := look.broken) is not None:
            raise broken
        return self._settlement(look, head)

    def _carry_out(self, look: Look, named: set[str], jobs: list[Saved[Job]]) -> None:
        work: list[JobWork] = []
        for saved in jobs:
            work.append(JobWork(look, saved, older=tuple(work)))
        look.observe(named.union(*(one.names for one in work)))
        self._report(look, named)
        tasks = []
        for chat_id in sorted(look.chats.keys() | look.holds.keys()):
            situation = look.situation(chat_id)
            if situation.hold is not None or situation.wish.until is not None:
                tasks.append(Task(situation, self._decide(situation)))
        look.tell(tasks, Action.UNMUTE)
        look.note(task for task in tasks if task.decision.action is Action.LEAVE)
        look.tell(tasks, Action.MUTE)
        for one in work:
            one.go_on()
        look.waiting = any(one.open for one in work)

    def _report(self, look: Look, named: set[str]) -> None:
        """Chats that a policy names and that cannot be muted."""
        fixed = {name for chat in look.chats.values() if chat.mutable is False for name in chat.ids & named}
        unsupported = sorted(fixed | (look.gone & named))
        for name in unsupported:
            self._telemetry.logger.warning("chat cannot be muted", extra={"account": look.account, "chat": name})
        if unsupported:
            self._telemetry.count("ChatUnsupported", len(unsupported))

    @contextmanager
    def _bucket(self, client: Client, now: datetime, time_left: TimeLeft) -> Iterator[None]:
        """Takes the portal's bucket for as full as the look before left it, on whatever machine; and leaves it so."""
        portal, began = client.credentials.portal, time_left()
        if (bucket := self._store.bucket(portal)) is not None:
            level, seen = bucket
            client.limits.resume(level, (now - seen).total_seconds())
        try:
            yield
        finally:
            self._store.save_bucket(portal, client.limits.level, now + timedelta(seconds=began - time_left()))

    # ---- what comes next --------------------------------------------------------------------------------------------

    def _settlement(self, look: Look, head: Head) -> Settlement:
        now, agenda = look.now, look.agenda
        foreign = len(look.own) < len(look.holds)
        half_done = look.waiting or any(hold.state in {State.MUTING, State.RELEASING} for hold in look.own)
        failures = head.failures + 1 if look.trouble or half_done else 0
        dues = _coming(agenda, look.own, now)
        if agenda.any:
            dues.append(now + _HORIZON)
        if agenda.running or foreign:
            dues.append(_on_the_minute(now + NEW_CHATS))
        before = 0 if _release_waits(look.own, agenda, now) else head.failures
        if look.unfinished:
            dues.append(now)
        elif half_done:
            dues.append(_later([], before, now))
        elif look.trouble:
            dues.append(_later(look.trouble, before, now))
        for error in {error.code: error for error in look.trouble}.values():
            extra = {"account": look.account, "outcome": error.code, "why": error.description}
            self._telemetry.logger.warning("account in trouble", extra=extra)
            self._telemetry.count("AccountInTrouble")
        self._count_overdue(look.holds.values(), look.releasing, now)
        if agenda.running:
            self._telemetry.count("WindowsOpen")
        if held := sum(hold.state in {State.MUTING, State.HELD} for hold in look.own):
            self._telemetry.count("ChatsHeld", held)
        return Settlement(
            head.asks,
            min(dues, default=None),
            active=bool(look.holds) or agenda.running,
            failures=failures,
            portal=look.client.credentials.portal,
        )

    def _in_trouble(
        self, account: str, head: Head, error: AccountNotFound | Bitrix24Error, now: datetime
    ) -> Settlement:
        """The account cannot be looked at: later, unless there is nothing left to look after."""
        holds = [saved.value for saved in self._store.holds(account)]
        broken = isinstance(error, AccountNotFound) or is_broken(error)
        self._telemetry.logger.warning(
            "account broken" if broken else "account in trouble",
            extra={"account": account, "outcome": error.code, "why": error.description, "holds": len(holds)},
        )
        self._telemetry.count("AccountBroken" if broken else "AccountInTrouble")
        self._count_overdue(holds, {hold.chat_id for hold in holds}, now)
        jobs = self._give_up(account, error, now) if head.jobs else False
        policies = [saved.value for saved in self._store.policies(account)]
        needed = holds or jobs or policies
        agenda = Agenda(policies, now)
        hurried = _release_waits(holds, agenda, now)
        dues = [_later([error], 0 if hurried else head.failures, now), *_coming(agenda, holds, now)]
        due = min(dues) if needed else None
        return Settlement(head.asks, due, active=bool(needed), failures=head.failures + 1)

    def _give_up(self, account: str, error: AccountNotFound | Bitrix24Error, now: datetime) -> bool:
        """Ends the jobs that have waited for too long; whether others are left."""
        jobs = self._store.open_jobs(account)
        old = [saved for saved in jobs if now - saved.value.created_at > GIVE_UP]
        ended = sum(self._fail(account, saved, error.code, now) for saved in old)
        return ended < len(jobs)

    def _fail(self, account: str, saved: Saved[Job], code: str, now: datetime) -> bool:
        job, version = saved
        while job.open:
            job, results = job.failing(code, _FAILING, now)
            try:
                version = self._store.save_job(account, job, version, results)
            except Conflict:
                return False
        return True

    def _count_overdue(self, holds: Iterable[Hold], before: Container[int], now: datetime) -> None:
        """Counts chats that should be audible again and are not: an alarm rings for each.

        A release that was yet to do ``before`` this look and still is; or a record whose last owner ended a while ago.
        """
        overdue = 0
        for hold in holds:
            if hold.state is State.RELEASING:
                overdue += hold.chat_id in before
            elif hold.state is not State.OVERRIDDEN and not hold.keep and not hold.prior_muted:
                overdue += all(owner.until < now - _OVERDUE for owner in hold.owners.values())
        if overdue:
            self._telemetry.count("ReleaseOverdue", overdue)


def _coming(agenda: Agenda, holds: Iterable[Hold], now: datetime) -> list[datetime]:
    """When something begins or ends, whatever is waited for until then: a release may be due. Instants ahead."""
    dues = [agenda.next_change()]
    for hold in holds:
        dues += [hold.next_due(now), *(owner.until for owner in hold.callers(now).values())]
    return [due for due in dues if due and due > now]


def _release_waits(holds: Iterable[Hold], agenda: Agenda, now: datetime) -> bool:
    """Whether a chat is to become audible, as far as records and policies say: that is tried every minute."""
    return any(
        hold.state is State.RELEASING
        or (
            hold.state in {State.MUTING, State.HELD}
            and not (hold.keep or hold.prior_muted)
            and not _unseen(hold, agenda, now).owners(hold)
        )
        for hold in holds
    )


def _unseen(hold: Hold, agenda: Agenda, now: datetime) -> Situation:
    return Situation(hold.chat_id, hold.dialog_id, hold.identity, hold, None, now, agenda.wish_unseen(hold))


def _named(policies: Iterable[Policy]) -> set[str]:
    selections = [policy.selection for policy in policies if policy.enabled]
    return {name for selection in selections if isinstance(selection, Only) for name in selection.chats}


def _later(trouble: Iterable[Exception], failures: int, now: datetime) -> datetime:
    """When to try again: at a pause's end; else in a minute, doubling to a quarter of an hour."""
    pauses = [error.until for error in trouble if isinstance(error, Paused)]
    wait = min(_RETRY * 2.0 ** min(failures, 10), _RETRY_MAX)
    return max([*pauses, _on_the_minute(now + wait)])


def _on_the_minute(moment: datetime) -> datetime:
    """Ticks come once a minute, and a look begins a little after its tick: a plan by the second would miss the next."""
    return moment.replace(second=0, microsecond=0)
