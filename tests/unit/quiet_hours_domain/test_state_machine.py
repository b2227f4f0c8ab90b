"""Weeks of windows, callers, requests, clicks and crashes on one chat, against a model that knows no records.

The model keeps what the chat would be without us (``base``), who wants it quiet, and people's override; a chat is muted
if somebody wants it or it would be anyway. The code under test keeps one record and is cut off at random points.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chat_mute.quiet_hours import requests, windows
from chat_mute.quiet_hours.agenda import wish
from chat_mute.quiet_hours.decision import Action, Decision, decide
from chat_mute.quiet_hours.holds import Hold, Identity, State
from chat_mute.quiet_hours.situation import Situation
from tests.unit.quiet_hours_domain.builders import policy

if TYPE_CHECKING:
    from chat_mute.quiet_hours.policy import Policy

MINUTE = timedelta(minutes=1)
DAY_MINUTES = 1440
BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)
NAMES = st.sampled_from(["day", "night"])
CALLERS = st.sampled_from(["caller:ci", "caller:ann", "schedule:lunch"])
HOURS = st.integers(0, 23)
WHOLE = 3
"""Steps of a decision that is not cut off: stored before, portal told, stored after."""


@dataclass
class Rule:
    """A policy as the model knows it: minutes of the day in UTC, and a skipped time."""

    start: int
    end: int
    skip: tuple[datetime, datetime] | None = None

    def runs(self, moment: datetime) -> bool:
        minute = moment.hour * 60 + moment.minute
        inside = self.start <= minute < self.end if self.start < self.end else not self.end <= minute < self.start
        return inside and not (self.skip and self.skip[0] <= moment < self.skip[1])


@dataclass
class Model:
    """What should be, without any record."""

    base: bool
    rules: dict[str, Rule] = field(default_factory=dict)
    callers: dict[str, datetime] = field(default_factory=dict)
    override: datetime | None = None
    engaged: dict[str, datetime] = field(default_factory=dict)
    holding: bool = False
    clicked: bool = False

    def end(self, names: list[str], moment: datetime) -> datetime | None:
        """The minute at which none of the rules runs any more; their endless union ends with the world."""
        if not any(self.rules[name].runs(moment) for name in names):
            return None
        for _ in range(4 * DAY_MINUTES):
            moment += MINUTE
            if not any(self.rules[name].runs(moment) for name in names):
                return moment
        return windows.FOREVER

    def quiet_until(self, moment: datetime) -> datetime | None:
        return self.end(list(self.rules), moment)

    def settle(self, now: datetime) -> None:
        """What a look at the chat brings to light."""
        self.callers = {who: until for who, until in self.callers.items() if until > now}
        if self.clicked:
            if not self.override and any(end > now for end in self.engaged.values()):
                self.override = self.quiet_until(now)
            self.callers, self.base, self.holding, self.clicked = {}, False, False, False
        if self.override and (self.override <= now or self.quiet_until(now) is None):
            self.override = None
        self.engage(now)

    def engage(self, now: datetime) -> None:
        ends = {name: end for name in self.rules if (end := self.end([name], now))}
        self.engaged = {} if self.override else ends
        self.holding = bool(self.engaged or self.callers)

    @property
    def muted(self) -> bool:
        return self.holding or self.base


@dataclass(frozen=True)
class World:
    """What is real: the portal's state and our record."""

    muted: bool
    hold: Hold | None = None


class OneChat(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.policies: dict[str, Policy] = {}

    @initialize(base=st.booleans())
    def begin(self, base: bool) -> None:
        self.world = World(muted=base)
        self.model = Model(base)

    # ---- the code under test, cut off where we like -----------------------------------------------------------------

    def situation(self, world: World) -> Situation:
        wanted = wish(list(self.policies.values()), self.now)
        return Situation(42, "chat42", Identity("portal.example", 1), world.hold, world.muted, self.now, wanted)

    def carry_out(self, world: World, choose: Callable[[Situation], Decision], steps: int = WHOLE) -> World:
        decision = choose(self.situation(world))
        if decision.action is Action.LEAVE:
            return replace(world, hold=decision.before) if steps >= 1 else world
        if steps >= 1:
            world = replace(world, hold=decision.before)
        if steps >= 2:
            world = replace(world, muted=decision.action is Action.MUTE)
        return replace(world, hold=decision.after) if steps >= WHOLE else world

    def ask(self, choose: Callable[[Situation], Decision], steps: int) -> bool:
        """Does it, perhaps cut off, and looks once more; whatever came out must equal what no crash brings.

        Returns:
            Whether anything of it was done; if not, who asked was told so.
        """
        before = self.world
        whole = self.carry_out(self.carry_out(before, choose), decide)
        cut = self.carry_out(before, choose, steps)
        again = self.carry_out(cut, decide)
        done = again == whole
        begun = steps >= 2 or (
            cut.hold is not None and cut.hold.state in {State.MUTING, State.RELEASING} and steps == 1
        )
        assert done or (not begun and again == self.carry_out(before, decide))
        self.world = again
        return done

    # ---- time -------------------------------------------------------------------------------------------------------

    @rule(hours=st.integers(0, 30), minutes=st.sampled_from([0, 1, 59]), steps=st.integers(0, WHOLE))
    def time_passes(self, hours: int, minutes: int, steps: int) -> None:
        self.now += timedelta(hours=hours, minutes=minutes)
        self.look(steps)

    @rule(steps=st.integers(0, WHOLE))
    def look(self, steps: int) -> None:
        self.model.settle(self.now)
        self.ask(decide, steps)
        assert self.world.muted == self.model.muted

    # ---- policies ---------------------------------------------------------------------------------------------------

    @rule(name=NAMES, start=HOURS, length=st.integers(1, 23), steps=st.integers(0, WHOLE))
    def put_policy(self, name: str, start: int, length: int, steps: int) -> None:
        end = (start + length) % 24
        self.policies[name] = policy(f"{start:02}:00-{end:02}:00", name=name, zone="UTC")
        self.model.rules[name] = Rule(start * 60, end * 60)
        self.look(steps)

    @rule(name=NAMES, steps=st.integers(0, WHOLE))
    def delete_policy(self, name: str, steps: int) -> None:
        self.policies.pop(name, None)
        self.model.rules.pop(name, None)
        self.look(steps)

    @precondition(lambda self: self.policies)
    @rule(data=st.data(), steps=st.integers(0, WHOLE))
    def skip(self, data: st.DataObject, steps: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.policies)))
        window = windows.running_or_next([replace(self.policies[name], skipped=None)], self.now)
        assert window is not None
        self.policies[name] = replace(self.policies[name], skipped=window)
        self.model.rules[name].skip = window.start, window.end
        self.look(steps)

    # ---- people and callers -----------------------------------------------------------------------------------------

    @rule(who=CALLERS, hours=st.integers(1, 40), steps=st.integers(0, WHOLE), twice=st.booleans())
    def caller_mutes(self, who: str, hours: int, steps: int, twice: bool) -> None:
        until = self.now + timedelta(hours=hours)
        self.model.settle(self.now)

        def choose(situation: Situation) -> Decision:
            return requests.with_caller(situation, who, until)

        if twice:
            self.world = self.carry_out(self.world, choose)
        if self.ask(choose, steps) or twice:
            self.model.callers[who] = until
            self.model.engage(self.now)
        assert self.world.muted == self.model.muted

    @rule(steps=st.integers(0, WHOLE))
    def explicit_mute(self, steps: int) -> None:
        self.model.settle(self.now)
        if self.ask(lambda situation: requests.explicit_mute(situation, "api:ann"), steps):
            self.model.base, self.model.override = True, None
            self.model.engage(self.now)
        assert self.world.muted == self.model.muted

    @rule(steps=st.integers(0, WHOLE))
    def explicit_unmute(self, steps: int) -> None:
        self.model.settle(self.now)
        if self.ask(lambda situation: requests.explicit_unmute(situation, "api:ann"), steps):
            self.model.callers, self.model.base = {}, False
            self.model.override = self.model.quiet_until(self.now)
            self.model.engage(self.now)
            assert not self.world.muted
        assert self.world.muted == self.model.muted

    @rule()
    def click_mute(self) -> None:
        """By hand, in Bitrix24. Of a chat that we hold it is not to be seen."""
        if not self.model.holding:
            self.model.base = True
        elif self.model.clicked:
            self.model.clicked = False
        self.world = replace(self.world, muted=True)

    @rule()
    def click_unmute(self) -> None:
        if self.model.holding:
            self.model.clicked = True
        else:
            self.model.base = False
        self.world = replace(self.world, muted=False)

    # ---- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def looking_again_changes_nothing(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.carry_out(self.world, decide)
        again = decide(self.situation(world))
        assert again.action is Action.LEAVE
        assert again.before == world.hold

    def teardown(self) -> None:
        """Once nobody wants quiet any more, the chat is what it would be without us, and no record is left."""
        if not hasattr(self, "world"):
            return
        self.policies.clear()
        self.model.rules.clear()
        self.now += timedelta(days=3)
        self.look(WHOLE)
        assert self.world == World(muted=self.model.base)


OneChat.TestCase.settings = settings(max_examples=350, stateful_step_count=25)
TestOneChat = OneChat.TestCase
