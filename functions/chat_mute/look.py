"""One look at one account: what its records and its portal show, and carrying out what was decided.

A record is written before the portal is told and once more when it has been told, so that a look may end at any point:
the next one finds out.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bitrix24 import Client, Outcome, TimeLeft, chats, muting, users
from bitrix24.chats import Chat
from bitrix24.errors import (
    AccessRefused,
    Bitrix24Error,
    InvalidChatId,
    QueryLimitExceeded,
    UserChanged,
    is_broken,
)
from chat_mute.chats import identity, overrule, selected
from chat_mute.documents import decision_text
from chat_mute.observability import Telemetry
from chat_mute.parallel import chunks, each
from chat_mute.quiet_hours.agenda import Agenda, Wish
from chat_mute.quiet_hours.decision import Action, Decision, refused
from chat_mute.quiet_hours.holds import Hold, Identity, State
from chat_mute.quiet_hours.selection import Chat as Selected
from chat_mute.quiet_hours.situation import Situation
from chat_mute.store import Saved, Store
from chat_mute.table import Conflict

CHUNK = 200
"""Chats whose records are written before the portal is told of them: four batches, as many as are in flight at once."""
_KEPT_AFTER_LIST, _KEPT_AFTER_DIALOGS = 65.0, 35.0  # of 110 seconds
NO_SUCH_CHAT = (AccessRefused, InvalidChatId)


class Task(NamedTuple):
    """What has been decided about one chat."""

    situation: Situation
    decision: Decision

    @property
    def chat_id(self) -> int:
        """The chat's number."""
        return self.situation.chat_id


Unwanted = Callable[[list[Task]], list[Task]]


@dataclass
class Look:
    """One look.

    Attributes:
        agenda: what the policies want now.
        holds: the records as they are by now.
        versions: of those that are stored.
        chats: what the portal shows, by number.
        muted: whether it shows them muted, by number.
        gone: names the portal has no chat for, as far as this user may see.
        trouble: what went wrong and may pass.
        unfinished: the time was over, or a record was changed by somebody else meanwhile.
        waiting: a job has chats left.
        releasing: chats whose release was yet to do at the beginning, by number.
    """

    account: str
    client: Client
    store: Store
    telemetry: Telemetry
    agenda: Agenda
    now: datetime
    time_left: TimeLeft
    threads: int
    holds: dict[int, Hold]
    versions: dict[int, str]
    chats: dict[int, Selected] = field(default_factory=dict)
    muted: dict[int, bool | None] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    trouble: list[Bitrix24Error] = field(default_factory=list)
    unfinished: bool = False
    waiting: bool = False
    releasing: set[int] = field(init=False)

    def __post_init__(self) -> None:
        """Remembers what is yet to be released from before."""
        self.releasing = {hold.chat_id for hold in self.holds.values() if hold.state is State.RELEASING}

    @property
    def me(self) -> Identity:
        """For whom we act."""
        return identity(self.client)

    @property
    def own(self) -> list[Hold]:
        """The records that are ours to touch."""
        return [hold for hold in self.holds.values() if hold.identity == self.me]

    @property
    def broken(self) -> Bitrix24Error | None:
        """What a person has to act on, if anything."""
        return next((error for error in self.trouble if is_broken(error)), None)

    # ---- what there is ----------------------------------------------------------------------------------------------

    def observe(self, named: set[str]) -> None:
        """Reads the chats once: the list, then those that are named or held and not on it. Who we are comes first.

        Raises:
            Bitrix24Error: nothing can be done for this account now.
        """
        try:
            for chat in chats.recent_chats(self.client, time_left=self._without(_KEPT_AFTER_LIST), check_user=True):
                self._see(chat)
        except Bitrix24Error as error:
            if is_broken(error) or error.code == "OVERLOAD_LIMIT":
                raise
            if not self.chats:  # not even one page, so who we are is not known yet
                self._check_user()
            self.trouble.append(error)
        held = {hold.dialog_id for hold in self.own if hold.chat_id not in self.chats}
        listed = {name for chat in self.chats.values() for name in chat.ids}
        asked = sorted((named - listed) | held)
        for name, found in chats.dialogs(self.client, asked, time_left=self._without(_KEPT_AFTER_DIALOGS)):
            if isinstance(found, Chat):
                self._see(found)
            elif isinstance(found, NO_SUCH_CHAT):
                self.gone.add(name)
            else:
                self.trouble.append(found)

    def _check_user(self) -> None:
        time_left = self._without(_KEPT_AFTER_DIALOGS)
        if users.profile_id(self.client, time_left=time_left) != self.me.user_id:
            raise UserChanged

    def _without(self, seconds: float) -> TimeLeft:
        """What is left of the time without what is kept for telling the portal: a release must not wait for a list."""
        return lambda: self.time_left() - seconds

    def _see(self, chat: Chat) -> None:
        self.chats[chat.chat_id] = selected(chat)
        self.muted[chat.chat_id] = chat.muted

    def situation(self, chat_id: int) -> Situation:
        """One chat as it is by now. What is gone is wanted by nobody; what is not seen, by whoever holds it."""
        hold = self.holds.get(chat_id)
        if (chat := self.chats.get(chat_id)) is not None:
            dialog_id, wish = chat.dialog_id, self.agenda.wish(chat)
        else:
            hold = self.holds[chat_id]
            dialog_id = hold.dialog_id
            wish = Wish() if dialog_id in self.gone else self.agenda.wish_unseen(hold)
        return Situation(chat_id, dialog_id, self.me, hold, self.muted.get(chat_id), self.now, wish)

    # ---- doing it ---------------------------------------------------------------------------------------------------

    def note(self, tasks: Iterable[Task]) -> None:
        """Stores records that change without a word to the portal."""
        changed = [task for task in tasks if task.decision.before != task.situation.hold]
        for task, stored in zip(changed, each(self._begin, changed, self.threads), strict=True):
            if stored:
                self._log("hold changed", task, "ok")

    def tell(self, tasks: list[Task], action: Action, unwanted: Unwanted = lambda _: []) -> dict[int, Outcome]:
        """Of the tasks with that action: stores what is going to be, tells the portal, stores what it has confirmed.

        Args:
            tasks: those with another action are left out.
            action: mute or unmute.
            unwanted: asked when the records are stored: those that nobody wants any more, whose records go back.

        Returns:
            What the portal said, by the chat's number, as far as there was time, and no trouble of the whole account.
        """
        outcomes: dict[int, Outcome] = {}
        for chunk in chunks([task for task in tasks if task.decision.action is action], CHUNK):
            if self.broken is not None:
                break
            if self.time_left() <= 0:
                self.unfinished = True
                break
            outcomes |= self._tell(chunk, unwanted, muted=action is Action.MUTE)
        return outcomes

    def _tell(self, tasks: list[Task], unwanted: Unwanted, *, muted: bool) -> Mapping[int, Outcome]:
        written = each(self._begin, tasks, self.threads)
        begun = {task.chat_id: task for task, ok in zip(tasks, written, strict=True) if ok}
        for task in unwanted(list(begun.values())):
            self._save(begun.pop(task.chat_id), task.situation.hold)
        outcomes = dict(muting.mute_many(self.client, begun, muted=muted, time_left=self.time_left))
        ends = [(begun[number], self._judge(begun[number], told, muted=muted)) for number, told in outcomes.items()]
        saved = each(lambda end: self._save(*end), ends, self.threads)
        self._count(begun, outcomes, muted=muted)
        for (task, _), outcome, ok in zip(ends, outcomes.values(), saved, strict=True):
            if not ok or (isinstance(outcome, Bitrix24Error) and outcome.may_be_done):
                overrule(self.store, self.account, task.decision, muted=muted, now=self.now)
        return outcomes

    def _count(self, tasks: Mapping[int, Task], outcomes: Mapping[int, Outcome], *, muted: bool) -> None:
        """All of a chunk at once: Powertools writes out what has a hundred values, and forgets whose they were."""
        done = [number for number, outcome in outcomes.items() if not isinstance(outcome, Bitrix24Error)]
        for because, times in Counter(tasks[number].decision.because for number in done).items():
            self.telemetry.changed(because, muted=muted, times=times)
        if times := sum(isinstance(outcome, NO_SUCH_CHAT) for outcome in outcomes.values()):
            self.telemetry.count("MuteRefused", times)

    def _begin(self, task: Task) -> bool:
        return self._save(task, task.decision.before)

    def _judge(self, task: Task, outcome: Outcome, *, muted: bool) -> Hold | None:
        """The record that follows from what the portal has said."""
        told = {"mute": "Y" if muted else "N"}
        if isinstance(outcome, NO_SUCH_CHAT):
            # For good: the user is not in the chat any more, or it takes no mute. A mute that shows stays noted.
            self._log("chat not set", task, outcome.code, **told)
            if muted:
                return refused(task.situation)
            return task.decision.before if task.situation.observed else task.decision.after
        if isinstance(outcome, QueryLimitExceeded):
            self.unfinished = True
        elif isinstance(outcome, Bitrix24Error):
            self.trouble.append(outcome)
        else:
            self.muted[task.chat_id] = muted
            self._log("chat set", task, "ok", **told)
            return task.decision.after
        return task.decision.before

    def _save(self, task: Task, hold: Hold | None) -> bool:
        """Writes a record where it differs from the one there is; False if somebody else has changed it meanwhile."""
        chat_id = task.chat_id
        if hold == self.holds.get(chat_id):
            return True
        seen = self.versions.get(chat_id)
        try:
            if hold is not None:
                text = decision_text(task.decision, self.now)
                self.versions[chat_id] = self.store.save_hold(self.account, hold, seen, text)
                self.holds[chat_id] = hold
            elif seen is not None:
                self.store.remove_hold(self.account, chat_id, seen)
                del self.versions[chat_id], self.holds[chat_id]
        except Conflict:
            self.unfinished = True
            return False
        return True

    def _log(self, what: str, task: Task, outcome: str, **more: str) -> None:
        line = {"account": self.account, "chat": task.situation.dialog_id, "because": task.decision.because}
        self.telemetry.logger.info(what, extra={**line, **more, "by": ", ".join(task.decision.who), "outcome": outcome})


def by_chat(saved: Iterable[Saved[Hold]]) -> tuple[dict[int, Hold], dict[int, str]]:
    """Records and their versions by their chats' numbers."""
    listed = list(saved)
    return {one.value.chat_id: one.value for one in listed}, {one.value.chat_id: one.version for one in listed}
