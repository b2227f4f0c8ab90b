"""Time that is played: ticks with future times, which the local stack's `AllowTimeTravel` lets through.

The API goes on to have the machine's clock; only looks at accounts are as of the played time.
"""

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from local.caller import Caller
from local.stack import Stack

STEP = timedelta(minutes=15)
"""How often a running window is looked at; see `chat_mute.reconcile.NEW_CHATS`."""
_STEPS = 48
_DAYS = 8
_UNITED = timedelta(seconds=60)
_WAIT_SECONDS = 20.0


class CannotPlay(Exception):
    """There is nothing to play; the message is for the person who asked."""


@dataclass(frozen=True)
class Played:
    """How far time has been played.

    Attributes:
        at: the moment of the last tick, None while it is simply now.
        until: where it stops by itself.
        playing: whether it goes on.
        trouble: why it has stopped, if not by itself.
    """

    at: datetime | None = None
    until: datetime | None = None
    playing: bool = False
    trouble: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the page reads it."""
        times = {"at": self.at and self.at.isoformat(), "until": self.until and self.until.isoformat()}
        return {**asdict(self), **times}


class Night:
    """Plays time.

    Args:
        stack: whose function is ticked.
        caller: who asks the API for policies.
        account: whose policies.
        pace: seconds between two ticks, for people to see it pass.
    """

    def __init__(self, stack: Stack, caller: Caller, account: str, pace: float) -> None:
        self._stack = stack
        self._caller = caller
        self._account = account
        self._pace = pace
        self._thread: threading.Thread | None = None
        self._pause = threading.Event()
        self._lock = threading.Lock()
        self.played = Played()

    def play(self, *, whole: bool) -> None:
        """Plays in the background: on to the next change, or the ``whole`` window through, to a while after its end.

        Raises:
            CannotPlay: nothing is quiet in the next days, it plays already, or the service is in trouble.
        """
        with self._lock:
            if self.played.playing:
                raise CannotPlay("It is being played already.")
            start = self.played.at or datetime.now(UTC)
            windows = self._windows(start)
            moments = through(windows, start) if whole else [_next_change(windows, start)]
            self._pause.clear()
            self.played = Played(self.played.at, moments[-1], playing=True)
            self._thread = threading.Thread(target=self._go, args=(moments,), name="night")
            self._thread.start()

    def pause(self) -> None:
        """Stops after the tick that is on its way."""
        self._pause.set()
        if self._thread is not None:
            self._thread.join()

    def back(self) -> None:
        """Back to now: stores each policy as it is, which makes the account due, and ticks as of the clock."""
        self.pause()
        with self._lock:
            for policy in self._policies():
                path = f"/{self._account}/quiet-hours/{policy['name']}"
                found = self._caller.call("GET", path)
                if found.status_code == 200:
                    document = {key: value for key, value in found.json().items() if key not in {"name", "next_change"}}
                    self._caller.call("PUT", path, document, {"If-Match": found.headers["ETag"]})
            self._tick(datetime.now(UTC))
            self.played = Played()

    def _go(self, moments: list[datetime]) -> None:
        trouble = None
        try:
            for moment in moments:
                if self._pause.is_set():
                    break
                self._tick(moment)
                self.played = Played(moment, moments[-1], playing=True)
                self._pause.wait(self._pace)
        except Exception as error:  # noqa: BLE001  a thread's fault has nobody else to tell it
            trouble = f"{type(error).__name__}: {error}"[:300]
        self.played = Played(self.played.at, trouble=trouble)

    def _tick(self, at: datetime) -> None:
        answer = self._stack.invoke_tick(at)
        if "queued" not in answer:
            raise RuntimeError(f"the tick failed: {answer}")
        if answer["queued"] and not self._stack.wait_for_queue(_WAIT_SECONDS):
            raise RuntimeError("the workers did not end in time")

    def _ask(self, path: str) -> Any:
        answer = self._caller.call("GET", f"/{self._account}/quiet-hours{path}")
        if answer.status_code != 200:
            raise CannotPlay(f"The service answers {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def _policies(self) -> list[dict[str, Any]]:
        policies: list[dict[str, Any]] = self._ask("")["policies"]
        return policies

    def _windows(self, since: datetime) -> list[tuple[datetime, datetime]]:
        """Every enabled policy's windows in the next days, in order; one without an edge in sight lasts for a day."""
        windows = []
        query = urlencode({"days": _DAYS, "from": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})
        for policy in self._policies():
            if policy["enabled"]:
                for window in self._ask(f"/{policy['name']}/preview?{query}")["windows"]:
                    start = datetime.fromisoformat(window["start"]) if window["start"] else since
                    end = datetime.fromisoformat(window["end"]) if window["end"] else since + timedelta(days=1)
                    windows.append((start, end))
        return sorted(windows)


def _next_change(windows: Iterable[tuple[datetime, datetime]], start: datetime) -> datetime:
    coming = [edge for window in windows for edge in window if edge > start]
    if not coming:
        raise CannotPlay(f"No policy has a window in the next {_DAYS} days.")
    return min(coming)


def through(windows: list[tuple[datetime, datetime]], start: datetime) -> list[datetime]:
    """The moments to tick: from a while before the running or next window to a while after it, every edge among them.

    Raises:
        CannotPlay: there is none.
    """
    ahead = [window for window in windows if window[1] > start]
    if not ahead:
        raise CannotPlay(f"No policy has a window in the next {_DAYS} days.")
    begin, end = ahead[0]
    for first, last in ahead:
        end = max(end, last) if first <= end + _UNITED else end
    first, last = max(start, begin - STEP), end + STEP
    step = max(STEP, STEP * -((first - last) // (_STEPS * STEP)))
    moments = {first + step * number for number in range((last - first) // step + 1)}
    edges = {edge for window in ahead for edge in window if first < edge < last}
    return sorted({*moments, *edges, last})
