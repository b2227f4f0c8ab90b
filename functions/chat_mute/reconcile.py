"""Use case: bring one account to where its policies and callers want it.

Level-triggered: what should be true now is decided from policies, records and what the portal shows, whatever happened
before. A record is written before the portal is told and once more when it has been told, so that a look may end at any
point: the next one finds out. People are let down least by a chat too loud, so releases come before mutes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bitrix24 import Client, Outcome, TimeLeft, chats, muting, users
from bitrix24.chats import Chat
from bitrix24.errors import (
    AccessRefused,
    AccountBlocked,
    Bitrix24Error,
    CredentialError,
    InvalidChatId,
    Paused,
    PortalMoved,
    QueryLimitExceeded,
    UserChanged,
)
from chat_mute.accounts import Accounts
from chat_mute.chats import identity, selected
from chat_mute.documents import decision_text
from chat_mute.errors import AccountNotFound
from chat_mute.observability import Telemetry
from chat_mute.parallel import THREADS, chunks, each
from chat_mute.quiet_hours.agenda import Agenda, Wish
from chat_mute.quiet_hours.decision import Action, Decision, decide, refused
from chat_mute.quiet_hours.holds import Hold, Identity, State
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import Chat as Selected
from chat_mute.quiet_hours.selection import Only
from chat_mute.quiet_hours.situation import Situation
from chat_mute.store import Head, Saved, Settlement, Store
from chat_mute.table import Conflict

NEW_CHATS = timedelta(minutes=15)
"""How often a running window is looked at again, for chats that are new and chats that people have unmuted."""
CHUNK = 200
"""Chats whose records are written before the portal is told of them: four batches, as many as are in flight at once."""
_RETRY, _RETRY_MAX = timedelta(minutes=1), timedelta(minutes=15)
_HORIZON = timedelta(days=365)
"""Windows are looked for a little further ahead than this."""
_OVERDUE = timedelta(minutes=5)
_FAILURES_OVERDUE = 3
_BROKEN = (CredentialError, AccountBlocked, PortalMoved, UserChanged, AccountNotFound)
"""A person has to act. Nothing more is asked of the portal in this look."""
_NO_SUCH_CHAT = (AccessRefused, InvalidChatId)


class Reconcile:
    """Looks at accounts.

    Args:
        accounts: their clients.
        store: their policies and records.
        telemetry: where each change leaves a line and a count.
        threads: how many records are written at once.
    """

    def __init__(self, accounts: Accounts, store: Store, telemetry: Telemetry, threads: int = THREADS) -> None:
        self._accounts = accounts
        self._store = store
        self._telemetry = telemetry
        self._threads = threads

    def account(self, account: str, *, now: datetime, time_left: TimeLeft) -> None:
        """Looks at one account, does what there is to do while there is time, and plans the next look.

        A message may come twice (SQS delivers at least once), and an account may be queued twice in a long queue: where
        nothing is due, nothing is done. A portal's trouble is a later look, never an exception.
        """
        head = self._store.head(account)
        if not head.pending and (head.due is None or head.due > now):
            self._telemetry.count("NothingDue")
            return

        def look(client: Client) -> Settlement:
            return _Look(account, client, self._store, self._telemetry, head, now, time_left, self._threads).run()

        try:
            outcome = self._accounts.use(account, look)
        except (AccountNotFound, Bitrix24Error) as error:
            outcome = self._in_trouble(account, head, error, now)
        self._store.settle(account, outcome, now)

    def _in_trouble(
        self, account: str, head: Head, error: AccountNotFound | Bitrix24Error, now: datetime
    ) -> Settlement:
        """The account cannot be looked at: later, unless there is nothing left to look after."""
        holds = [saved.value for saved in self._store.holds(account)]
        broken = isinstance(error, _BROKEN)
        self._telemetry.logger.warning(
            "account broken" if broken else "account in trouble",
            extra={"account": account, "outcome": error.code, "why": error.description, "holds": len(holds)},
        )
        self._telemetry.count("AccountBroken" if broken else "AccountInTrouble")
        _count_overdue(self._telemetry, holds, head.failures + 1, now)
        needed = holds or self._store.policies(account)
        due = _later([error], head.failures, now) if needed else None
        return Settlement(head.asks, due, active=bool(holds), failures=head.failures + 1)


@dataclass
class _Task:
    """What has been decided about one chat, and the version of its record."""

    situation: Situation
    decision: Decision
    version: str | None

    @property
    def chat_id(self) -> int:
        return self.situation.chat_id


@dataclass
class _Look:
    """One look at one account.

    Attributes:
        holds: the records as they are by now.
        gone: ids the portal has no chat for, as far as this user may see.
        trouble: what went wrong and may pass.
        unfinished: the time was over, or a record was changed by somebody else meanwhile.
    """

    account: str
    client: Client
    store: Store
    telemetry: Telemetry
    head: Head
    now: datetime
    time_left: TimeLeft
    threads: int
    holds: dict[int, Hold] = field(default_factory=dict)
    chats: dict[int, Selected] = field(default_factory=dict)
    muted: dict[int, bool | None] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    trouble: list[Bitrix24Error] = field(default_factory=list)
    unfinished: bool = False

    @property
    def _me(self) -> Identity:
        return identity(self.client)

    @property
    def _broken(self) -> Bitrix24Error | None:
        return next((error for error in self.trouble if isinstance(error, _BROKEN)), None)

    def run(self) -> Settlement:
        """Reads the records, then the portal, decides, and carries it out.

        Raises:
            Bitrix24Error: nothing can be done for this account now.
        """
        policies = [saved.value for saved in self.store.policies(self.account)]
        saved = {one.value.chat_id: one for one in self.store.holds(self.account)}
        self.holds = {chat_id: one.value for chat_id, one in saved.items()}
        agenda = Agenda(policies, self.now)
        if saved or agenda.running:
            self._observe(policies)
            tasks = list(self._decide(agenda, saved))
            self._tell([task for task in tasks if task.decision.action is Action.UNMUTE], muted=False)
            each(self._note, [task for task in tasks if task.decision.action is Action.LEAVE], self.threads)
            self._tell([task for task in tasks if task.decision.action is Action.MUTE], muted=True)
        if (broken := self._broken) is not None:
            raise broken
        return self._outcome(agenda)

    # ---- what there is ----------------------------------------------------------------------------------------------

    def _observe(self, policies: Iterable[Policy]) -> None:
        """Reads the chats once: the list, then those that are named or held and not on it. Who we are comes first."""
        try:
            for chat in chats.recent_chats(self.client, time_left=self.time_left, check_user=True):
                self._see(chat)
        except Bitrix24Error as error:
            if isinstance(error, _BROKEN) or error.code == "OVERLOAD_LIMIT":
                raise
            self.trouble.append(error)
            if not self.chats:  # not even one page, so who we are is not known yet
                self._check_user()
        named = {
            name for policy in policies if policy.enabled and isinstance(policy.selection, Only)
            for name in policy.selection.chats
        }  # fmt: skip
        held = {hold.dialog_id for hold in self._own() if hold.chat_id not in self.chats}
        listed = {name for chat in self.chats.values() for name in chat.ids}
        for name, found in chats.dialogs(self.client, sorted((named - listed) | held), time_left=self.time_left):
            if isinstance(found, Chat):
                self._see(found)
            elif isinstance(found, _NO_SUCH_CHAT):
                self.gone.add(name)
            else:
                self.trouble.append(found)
        self._report(named)

    def _check_user(self) -> None:
        if users.profile_id(self.client, time_left=self.time_left) != self._me.user_id:
            raise UserChanged

    def _see(self, chat: Chat) -> None:
        self.chats[chat.chat_id] = selected(chat)
        self.muted[chat.chat_id] = chat.muted

    def _report(self, named: set[str]) -> None:
        """Chats that a policy names and that cannot be muted."""
        fixed = {name for chat in self.chats.values() if chat.mutable is False for name in chat.ids & named}
        for name in sorted(fixed | (self.gone & named)):
            self.telemetry.logger.warning("chat cannot be muted", extra={"account": self.account, "chat": name})
            self.telemetry.count("ChatUnsupported")

    # ---- what is to be done -----------------------------------------------------------------------------------------

    def _decide(self, agenda: Agenda, saved: Mapping[int, Saved[Hold]]) -> Iterator[_Task]:
        for chat_id in sorted(self.chats.keys() | saved.keys()):
            record = saved.get(chat_id)
            dialog_id, wish = self._wanted(agenda, chat_id)
            if record is None and wish.until is None:
                continue
            hold = record.value if record else None
            situation = Situation(chat_id, dialog_id, self._me, hold, self.muted.get(chat_id), self.now, wish)
            yield _Task(situation, decide(situation), record.version if record else None)

    def _wanted(self, agenda: Agenda, chat_id: int) -> tuple[str, Wish]:
        """A chat's dialog id, and what the policies want of it: nothing, if it is gone."""
        if (chat := self.chats.get(chat_id)) is not None:
            return chat.dialog_id, agenda.wish(chat)
        hold = self.holds[chat_id]
        return hold.dialog_id, Wish() if hold.dialog_id in self.gone else agenda.wish_unseen(hold)

    # ---- doing it ---------------------------------------------------------------------------------------------------

    def _tell(self, tasks: list[_Task], *, muted: bool) -> None:
        """Stores what is going to be, tells the portal, and stores what it has confirmed."""
        for chunk in chunks(tasks, CHUNK):
            if self._broken is not None:
                return
            if self.time_left() <= 0:
                self.unfinished = True
                return
            written = each(self._begin, chunk, self.threads)
            begun = {task.chat_id: task for task, ok in zip(chunk, written, strict=True) if ok}
            told = muting.mute_many(self.client, begun, muted=muted, time_left=self.time_left)
            ends = [(begun[chat_id], self._judge(begun[chat_id], outcome, muted=muted)) for chat_id, outcome in told]
            each(lambda end: self._save(*end), ends, self.threads)

    def _begin(self, task: _Task) -> bool:
        return self._save(task, task.decision.before)

    def _note(self, task: _Task) -> None:
        """A record that changes without a word to the portal."""
        if task.decision.before != task.situation.hold and self._save(task, task.decision.before):
            self._log("hold changed", task, "ok")

    def _judge(self, task: _Task, outcome: Outcome, *, muted: bool) -> Hold | None:
        """The record that follows from what the portal has said."""
        told = {"mute": "Y" if muted else "N"}
        if isinstance(outcome, _NO_SUCH_CHAT):
            # For good: the user is not in the chat any more, or it takes no mute. A mute that shows stays noted.
            self._log("chat not set", task, outcome.code, **told)
            self.telemetry.count("MuteRefused")
            if muted:
                return refused(task.situation)
            return task.decision.before if task.situation.observed else task.decision.after
        if isinstance(outcome, QueryLimitExceeded):
            self.unfinished = True
        elif isinstance(outcome, Bitrix24Error):
            self.trouble.append(outcome)
        else:
            self._log("chat set", task, "ok", **told)
            self.telemetry.changed(task.decision.because, muted=muted)
            return task.decision.after
        return task.decision.before

    def _save(self, task: _Task, hold: Hold | None) -> bool:
        """Writes a record where it differs from the one there is; False if somebody else has changed it meanwhile."""
        chat_id = task.chat_id
        if hold == self.holds.get(chat_id):
            return True
        try:
            if hold is not None:
                text = decision_text(task.decision, self.now)
                task.version = self.store.save_hold(self.account, hold, task.version, text)
                self.holds[chat_id] = hold
            elif task.version is not None:
                self.store.remove_hold(self.account, chat_id, task.version)
                task.version = None
                del self.holds[chat_id]
        except Conflict:
            self.unfinished = True
            return False
        return True

    def _log(self, what: str, task: _Task, outcome: str, **more: str) -> None:
        line = {"account": self.account, "chat": task.situation.dialog_id, "because": task.decision.because}
        self.telemetry.logger.info(what, extra={**line, **more, "by": ", ".join(task.decision.who), "outcome": outcome})

    def _own(self) -> list[Hold]:
        """The records that are ours to touch."""
        return [hold for hold in self.holds.values() if hold.identity == self._me]

    # ---- what comes next --------------------------------------------------------------------------------------------

    def _outcome(self, agenda: Agenda) -> Settlement:
        failures = self.head.failures + 1 if self.trouble else 0
        half_done = any(hold.state in {State.MUTING, State.RELEASING} for hold in self._own())
        coming = [agenda.next_change(), *(hold.next_due(self.now) for hold in self._own())]
        dues = [due for due in coming if due and due > self.now]
        if agenda.any:
            dues.append(self.now + _HORIZON)
        if agenda.running:
            dues.append(_on_the_minute(self.now + NEW_CHATS))
        if self.unfinished:
            dues.append(self.now)
        elif self.trouble or half_done:
            dues.append(_later(self.trouble, self.head.failures, self.now))
        for error in {error.code: error for error in self.trouble}.values():
            extra = {"account": self.account, "outcome": error.code, "why": error.description}
            self.telemetry.logger.warning("account in trouble", extra=extra)
            self.telemetry.count("AccountInTrouble")
        _count_overdue(self.telemetry, self.holds.values(), failures, self.now)
        return Settlement(
            self.head.asks,
            min(dues, default=None),
            active=bool(self.holds) or agenda.running,
            failures=failures,
            portal=self.client.credentials.portal,
        )


def _later(trouble: Iterable[Exception], failures: int, now: datetime) -> datetime:
    """When to try again: at a pause's end; else in a minute, doubling to a quarter of an hour."""
    pauses = [error.until for error in trouble if isinstance(error, Paused)]
    wait = min(_RETRY * 2.0 ** min(failures, 10), _RETRY_MAX)
    return max([*pauses, _on_the_minute(now + wait)])


def _on_the_minute(moment: datetime) -> datetime:
    """Ticks come once a minute, and a look begins a little after its tick: a plan by the second would miss the next."""
    return moment.replace(second=0, microsecond=0)


def _count_overdue(telemetry: Telemetry, holds: Iterable[Hold], failures: int, now: datetime) -> None:
    """Counts chats that should be audible again and are not: an alarm rings for each."""
    overdue = 0
    for hold in holds:
        if hold.state is State.RELEASING:
            overdue += failures >= _FAILURES_OVERDUE
        elif hold.state is not State.OVERRIDDEN and not hold.keep and not hold.prior_muted:
            overdue += all(owner.until < now - _OVERDUE for owner in hold.owners.values())
    if overdue:
        telemetry.count("ReleaseOverdue", overdue)
