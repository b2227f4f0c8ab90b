"""One chat in short: situations, records, and what a decision comes to."""

from collections.abc import Mapping
from datetime import datetime

from chat_mute.quiet_hours.agenda import Wish
from chat_mute.quiet_hours.decision import Decision
from chat_mute.quiet_hours.holds import Hold, Identity, Owner, State
from chat_mute.quiet_hours.situation import Situation
from tests.unit.quiet_hours_domain.builders import at

ME = Identity("portal.example", 1)
SOMEBODY_ELSE = Identity("portal.example", 2)
NOW = at("2026-01-05 23:00")
MORNING = at("2026-01-06 07:00")
LATER = at("2026-01-06 12:00")
BEFORE = at("2026-01-05 22:00")
NIGHT = Wish({"night": MORNING}, MORNING)
NOTHING = Wish()


def hold(
    state: State = State.HELD,
    owners: Mapping[str, datetime] | None = None,
    *,
    prior: bool = False,
    keep: bool = False,
    override: datetime | None = None,
) -> Hold:
    """A record, by default of a chat held by the policy ``night`` until the morning."""
    wanted = {"policy:night": MORNING} if owners is None else owners
    return Hold(42, "chat42", ME, prior, state, {who: Owner(until) for who, until in wanted.items()}, keep, override)


def chat(recorded: Hold | None, observed: bool | None, wish: Wish = NIGHT, now: datetime = NOW) -> Situation:
    return Situation(42, "chat42", ME, recorded, observed, now, wish)


def outcome(decision: Decision) -> tuple[str, str]:
    return decision.action.value, decision.because.value
