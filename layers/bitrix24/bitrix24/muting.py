"""`im.chat.mute`, for one chat and for many."""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from bitrix24.answer import Answer
from bitrix24.batch import SIZE, Command
from bitrix24.client import Client, Outcome
from bitrix24.clock import TimeLeft
from bitrix24.errors import (
    AccessRefused,
    Bitrix24Error,
    NoRoom,
    QueryLimitExceeded,
    UnexpectedAnswer,
    account_error,
)


def mute(
    client: Client, *, chat_id: int | None = None, dialog_id: str | None = None, muted: bool, time_left: TimeLeft
) -> Answer:
    """`im.chat.mute`: turns a chat's notifications off (``muted``) or on for the client's user.

    The setter is absolute and idempotent: a chat already in that state answers ``true`` and nothing changes.
    Exactly one id is sent, because ``DIALOG_ID`` silently overrides ``CHAT_ID``; ``MUTE`` is always the text ``"Y"`` or
    ``"N"``, because the portal takes anything not loosely equal to ``"N"`` for a mute, and ``true`` for an unmute.

    Args:
        client: whose chats.
        chat_id: numeric id of the chat.
        dialog_id: ``chatNNN``, ``sgNNN``, ``crmNNN``, or the id of the user of a private chat. One of the two ids.
        muted: the state to reach.
        time_left: budget.

    Raises:
        AccessRefused: also where the portal answers ``result: false``, which means that the user is not in the chat.
        UnexpectedAnswer: any other result than ``true``.
        Bitrix24Error: as `Client.call`.
    """
    if (chat_id is None) == (dialog_id is None):
        raise ValueError("exactly one of chat_id and dialog_id")
    chat = {"CHAT_ID": chat_id} if dialog_id is None else {"DIALOG_ID": dialog_id}
    answer = client.call("im.chat.mute", {**chat, "MUTE": _flag(muted)}, time_left=time_left)
    outcome = _done(answer)
    if isinstance(outcome, Bitrix24Error):
        raise outcome
    return outcome


def mute_many(
    client: Client, chat_ids: Iterable[int], *, muted: bool, time_left: TimeLeft, in_flight: int = 4
) -> Iterator[tuple[int, Outcome]]:
    """`im.chat.mute` for many chats, 50 to a `batch`: an outcome for each, as it becomes known, in no order.

    What the portal throttles is asked for again while there is time. An error that concerns the account, not a chat, is
    the outcome of every chat not asked for yet, and so is the end of the time. Only the requests in flight are held in
    memory. What a store raises is raised at the end, after all that is known has been told.

    Args:
        client: whose chats.
        chat_ids: numeric ids.
        muted: the state to reach.
        time_left: budget.
        in_flight: requests at a time. Bitrix24 asks for no parallel series from one address; four are polite.
    """
    ids = iter(chat_ids)
    stopped: Bitrix24Error | None = None

    def ask(chunk: list[int]) -> dict[int, Outcome]:
        return _mute_chunk(client, chunk, _flag(muted), time_left)

    broken: BaseException | None = None
    with ThreadPoolExecutor(in_flight) as pool:
        flying: set[Future[dict[int, Outcome]]] = set()
        while True:
            if stopped is None and time_left() <= 0:
                stopped = NoRoom()
            while not (stopped or broken) and len(flying) < in_flight and (chunk := list(islice(ids, SIZE))):
                flying.add(pool.submit(ask, chunk))
            if not flying:
                break
            landed, flying = wait(flying, return_when=FIRST_COMPLETED)
            for future in landed:
                broken = broken or future.exception()
                outcomes = {} if future.exception() else future.result()
                stopped = stopped or account_error(outcomes.values())
                # Exactly this class: `NoRoom`, a kind of it, says that the time does not allow another try.
                throttled = [chat_id for chat_id, outcome in outcomes.items() if type(outcome) is QueryLimitExceeded]
                if throttled and not (stopped or broken):
                    flying.add(pool.submit(ask, throttled))
                    outcomes = {chat_id: outcomes[chat_id] for chat_id in outcomes.keys() - throttled}
                yield from outcomes.items()
    if broken is not None:
        raise broken  # the store's trouble, after all that is known has been told
    if stopped is not None:
        yield from ((chat_id, stopped) for chat_id in ids)


def _mute_chunk(client: Client, chat_ids: list[int], flag: str, time_left: TimeLeft) -> dict[int, Outcome]:
    commands = {f"c{chat_id}": Command("im.chat.mute", {"CHAT_ID": chat_id, "MUTE": flag}) for chat_id in chat_ids}
    outcomes = client.batch(commands, time_left=time_left)
    return {chat_id: _done(outcomes[f"c{chat_id}"]) for chat_id in chat_ids}


def _flag(muted: bool) -> str:  # noqa: FBT001
    return "Y" if muted else "N"


def _done(outcome: Outcome) -> Outcome:
    """What an outcome of `im.chat.mute` means: ``true`` is the only success."""
    if isinstance(outcome, Bitrix24Error) or outcome.result is True:
        return outcome
    if outcome.result is False:
        return AccessRefused("ACCESS_ERROR")
    return UnexpectedAnswer("The portal's result is neither true nor false.")
