"""One chat with all that is known of it: record, portal, policies. What muting and the API's views stand on."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from bitrix24 import Client, Credentials, TimeLeft, chats
from bitrix24.chats import Chat
from chat_mute.documents import decision_text
from chat_mute.errors import Busy
from chat_mute.quiet_hours.agenda import Agenda, Wish
from chat_mute.quiet_hours.decision import Decision, overruled
from chat_mute.quiet_hours.holds import Hold, Identity
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import Chat as Selected
from chat_mute.quiet_hours.situation import Situation
from chat_mute.store import Saved, Store
from chat_mute.table import Conflict

_TRIES = 5


class Picture(NamedTuple):
    """One chat at one instant.

    Attributes:
        chat: as the portal shows it.
        saved: our record of it, as it was before the portal was asked.
        situation: both, and what the policies want.
        policies: the enabled ones that select the chat.
    """

    chat: Chat
    saved: Saved[Hold] | None
    situation: Situation
    policies: list[Policy]


def picture(store: Store, account: str, client: Client, name: str, *, now: datetime, time_left: TimeLeft) -> Picture:
    """Looks at one chat; who the portal takes us for is checked in the same request.

    The record must be older than the portal's answer, or a mute confirmed in between would look as if a person had
    undone it, and a release as if it had been muted before. A chat named by another id than its number is looked up
    first, and then once more.

    Raises:
        AccessRefused, InvalidChatId: no such chat for this user.
        Bitrix24Error: as `chats.dialog`.
    """
    number = int(name.removeprefix("chat")) if name.startswith("chat") else None
    saved = store.hold(account, number) if number is not None else None
    chat = chats.dialog(client, name, time_left=time_left, check_user=True)
    if number != chat.chat_id:
        saved = store.hold(account, chat.chat_id)
        chat = chats.dialog(client, name, time_left=time_left, check_user=True)
    agenda = Agenda((policy.value for policy in store.policies(account)), now)
    seen = selected(chat)
    hold = saved.value if saved else None
    situation = Situation(chat.chat_id, chat.dialog_id, identity(client), hold, chat.muted, now, agenda.wish(seen))
    return Picture(chat, saved, situation, agenda.policies(seen))


def unseen(
    store: Store, account: str, client: Client, name: str, *, now: datetime
) -> tuple[Situation, str | None] | tuple[None, None]:
    """A chat that the portal does not show now, by its record alone, and that's version.

    What the policies want is not known, but of those that hold it, and they may not be all: while a window runs, they
    are taken to want it quiet until all of them end; the next look finds out.

    Returns:
        None where the chat's number is not known.
    """
    if not name.startswith("chat"):
        return None, None
    chat_id, who = int(name.removeprefix("chat")), identity(client)
    agenda = Agenda((policy.value for policy in store.policies(account)), now)
    saved = store.hold(account, chat_id)
    wish = agenda.wish_unseen(saved.value) if saved else Wish()
    wish = replace(wish, until=agenda.running_until or wish.until)
    hold = saved and saved.value
    return Situation(chat_id, hold.dialog_id if hold else name, who, hold, None, now, wish), saved and saved.version


def identity(client: Client) -> Identity:
    """Whose chats the client's credentials are about."""
    return identity_of(client.credentials)


def identity_of(credentials: Credentials) -> Identity:
    """Whose chats credentials are about."""
    return Identity(credentials.portal, credentials.user_id)


def selected(chat: Chat) -> Selected:
    """A chat as policies see it."""
    return Selected(chat.chat_id, chat.dialog_id, chat.type, chat.title, chat.mutable, chat.aliases)


def overrule(store: Store, account: str, decision: Decision, *, muted: bool, now: datetime) -> None:
    """Makes the next look tell the portal again, if somebody changed the record while the portal was told of ours.

    Raises:
        Busy: others are changing it all the time.
    """
    stored = decision.before
    if stored is None:
        return
    for _ in range(_TRIES):
        found = store.hold(account, stored.chat_id)
        hold = overruled(stored, found.value if found else None, muted=muted)
        if hold is None:
            return
        try:
            store.begin_hold(account, hold, found and found.version, decision_text(decision, now), now)
        except Conflict:
            continue
        return
    raise Busy


def overtake(
    store: Store, account: str, chats: frozenset[int], by: str, *, muted: bool, until: datetime | None = None
) -> bool:
    """Makes jobs that wait leave chats alone where they would undo what is asked for now.

    Returns:
        Whether there were any.

    Raises:
        Conflict: somebody has changed one meanwhile.
    """
    overtaken = False
    for job, version in store.open_jobs(account):
        if job.is_overtaken_by(by, muted=muted, until=until) and not chats <= job.overtaken:
            store.save_job(account, job.without(chats), version, [])
            overtaken = True
    return overtaken
