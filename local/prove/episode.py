"""One episode, from its first tick to an account that nobody needs to look at any more."""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from local.prove.meetings import Meetings
from local.prove.plan import Step
from local.prove.scene import Person
from local.prove.sight import LostTrack, Violation
from local.virtual import STATE

_CLOSING_MINUTES = 45.0
_LONGEST_MINUTES = 26 * 60.0
"""Longer than anybody has asked for a mute."""
_A_LITTLE = 0.05
"""Minutes after which something is looked at that must be right by then."""


@dataclass
class Outcome:
    """What came of an episode.

    Attributes:
        violation: what went wrong, or None.
        settled: how often a chat was found at rest and as it should be.
        lost_track: chats with too many possibilities to follow.
    """

    violation: str | None
    trace: list[str]
    days: float
    steps: int
    faults: Counter[str] = field(default_factory=Counter)
    settled: int = 0
    lost_track: int = 0


class Episode(Meetings):
    """Plays a plan."""

    def play(self, steps: tuple[Step, ...] | None = None) -> Outcome:
        """Plays all steps, or some; ends at the first violation."""
        steps, violation = self.plan.steps if steps is None else steps, None
        with self.world.in_virtual_time():
            self.furnish()
            try:
                for step in steps:
                    self._advance(step.at)
                    self.judge()
                    self.act(step)
                self._close()
            except Violation as found:
                violation = str(found)
                self.say(violation)
            except LostTrack:
                self.say("too much is possible by now; here it ends")
        days = self.world.turns.seconds / 86400
        settled = sum(person.judge.settled for person in self.people)
        lost_track = sum(person.judge.lost_track for person in self.people)
        return Outcome(violation, self.trace, days, len(steps), self.world.weather.seen, settled, lost_track)

    def _advance(self, until: float) -> None:
        """Time passes: ticks at each minute that something is due at, looks at the chats when they must be right."""
        while True:
            now, due = self.world.now, self.world.due()
            queued = self.world.queued()
            tick = math.inf if due is None or not self.world.ticking else math.ceil(max(due / 60, now + 1e-6))
            since = self._judged - _A_LITTLE + 1e-4
            edge = min(person.judge.next_edge(since) for person in self.people) + _A_LITTLE
            following = min(tick, edge, queued, until)
            if self.world.next_turn() < following:  # somebody else does something first, and all may change
                self.world.turns.until(self.world.turns.next_turn)
                continue
            self.world.until(max(following, now) * 60)
            if following == until != tick:
                return
            self.judge()
            if following == queued:
                self.world.pump()
                self.world.turns.sleep(1)
            if following == tick:
                self.world.tick_once()
                self.world.turns.sleep(10)

    # ---- the end ----------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """All trouble ends; policies go, all is let go of: then nothing may be left to do, and nothing held."""
        by = max([self.world.now, *(max(person.judge.loud_by, person.judge.quiet_by) for person in self.people)])
        self._advance(by + _CLOSING_MINUTES)
        for person in self.people:
            self._held(person)
        for _ in range(3):
            for person in self.people:
                self.drop(person, self.chance)
            self._advance(self.world.now + 1)
        for person in self.people:
            self.let_go(person, self.chance)
        self._advance(self.world.now + _LONGEST_MINUTES)
        self.judge()
        for person in self.people:
            self._is_over(person)
        if leaks := self.leaks():
            raise Violation(f"a secret is in {' and in '.join(leaks)}")

    def look_up(self, person: Person, _chance: object) -> None:
        """Somebody looks at the list of holds."""
        if person.judge.at_rest(self.world.now):
            self._held(person)

    def _held(self, person: Person) -> None:
        holds = [
            (int(item["sk"]["S"].removeprefix("hold#")), item) for item in self.world.dynamodb.items(STATE)
            if item["pk"]["S"] == f"account#{person.name}" and item["sk"]["S"].startswith("hold#")
        ]  # fmt: skip
        answer = self.call(person, "GET", f"/{person.name}/holds")
        if answer is None or answer.status != 200:
            return
        shown = {hold["chat_id"]: hold for hold in answer.body["holds"]}
        unknown = shown.keys() - dict(holds).keys()
        half_done = [number for number, hold in shown.items() if hold["state"] in {"muting", "releasing"}]
        at_rest = person.judge.at_rest(self.world.now)
        overridden = any(hold["state"] == "overridden" for hold in shown.values())
        if unknown or overridden or (half_done and at_rest):
            raise Violation(f"{person.name}: held are {shown}")
        try:
            person.judge.held(self.world.now, {number: set(hold["owners"]) for number, hold in shown.items()})
        except Violation as violation:
            raise Violation(f"{person.name}: {violation}") from None

    def _is_over(self, person: Person) -> None:
        """Nothing is left that anybody would have to look after."""
        item = self.item(person)
        left = {name for name in ("due", "queue", "pending", "active") if name in item}
        jobs = int(item.get("jobs", {"N": "0"})["N"])
        sorts = [
            one["sk"]["S"] for one in self.world.dynamodb.items(STATE) if one["pk"]["S"] == f"account#{person.name}"
        ]
        stale = [sort for sort in sorts if sort.startswith(("hold#", "open#", "policy#"))]
        if left or jobs or stale:
            raise Violation(f"{person.name}: at the end there is still {sorted(left)} {jobs=} {stale}")


def told(outcome: Outcome, at: datetime | None = None) -> str:
    """An outcome in one line."""
    when = f"{at:%Y-%m-%d} " if at else ""
    return (
        f"{when}{outcome.days:.1f} days, {outcome.steps} steps, {outcome.settled} judged: {outcome.violation or 'ok'}"
    )
