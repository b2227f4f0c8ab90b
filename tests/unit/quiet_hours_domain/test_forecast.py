"""What people are told comes next."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chat_mute.quiet_hours import forecast
from chat_mute.quiet_hours.agenda import wish
from chat_mute.quiet_hours.forecast import Change, LocalWindow
from chat_mute.quiet_hours.holds import Hold, State
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.windows import BEGINNING, FOREVER
from tests.unit.quiet_hours_domain.builders import at, on, policy
from tests.unit.quiet_hours_domain.chats import LATER, MORNING, NOW, SOMEBODY_ELSE, chat, hold

NIGHT = policy("22:00-07:00", zone="UTC")
EVENING = at("2026-01-06 22:00")
NOON = at("2026-01-06 12:00")
CI = {"caller:ci": NOON}
DAY, SOON = timedelta(days=1), NOW + timedelta(hours=1)
BY_DAY = at("2026-01-06 09:00")


def change(policies: list[Policy], recorded: Hold | None, observed: bool | None, now: datetime) -> Change | None:
    return forecast.next_change(chat(recorded, observed, wish(policies, now), now), policies)


@pytest.mark.parametrize(
    ("recorded", "observed", "now", "expected"),
    [
        # by night
        (hold(), True, NOW, Change(MORNING, muted=False)),
        (hold(State.MUTING), False, NOW, Change(MORNING, muted=False)),
        (None, False, NOW, Change(MORNING, muted=False)),
        (None, True, NOW, None),
        (hold(prior=True), True, NOW, None),
        (hold(keep=True), True, NOW, None),
        (hold(owners={"policy:night": MORNING, **CI}), True, NOW, Change(NOON, muted=False)),
        (hold(owners={"caller:ci": EVENING}), True, NOW, Change(MORNING + DAY, muted=False)),
        (hold(State.OVERRIDDEN, {}, override=MORNING), False, NOW, Change(EVENING, muted=True)),
        (hold(State.OVERRIDDEN, {}, override=MORNING), True, NOW, None),
        (hold(owners=CI, override=MORNING), True, NOW, Change(NOON, muted=False)),
        (hold(owners={"caller:ci": SOON}, override=MORNING), True, NOW, Change(SOON, muted=False)),
        (hold(owners={"caller:ci": SOON}, override=SOON), True, NOW, Change(MORNING, muted=False)),
        (hold(owners={"caller:ci": EVENING}, override=MORNING), True, NOW, Change(MORNING + DAY, muted=False)),
        (hold(), False, NOW, Change(EVENING, muted=True)),
        (replace(hold(), identity=SOMEBODY_ELSE), False, NOW, Change(MORNING, muted=False)),
        # by day
        (None, False, BY_DAY, Change(EVENING, muted=True)),
        (None, None, BY_DAY, Change(EVENING, muted=True)),
        (None, True, BY_DAY, None),
        (hold(owners=CI), True, BY_DAY, Change(NOON, muted=False)),
        (hold(owners={"caller:ci": LATER}, prior=True), True, BY_DAY, None),
        (hold(State.RELEASING, {}), True, BY_DAY, Change(BY_DAY, muted=False)),
        (hold(), True, BY_DAY, Change(BY_DAY, muted=False)),
    ],
)  # fmt: skip
def test_next_change(recorded: Hold | None, observed: bool | None, now: datetime, expected: Change | None) -> None:
    assert change([NIGHT], recorded, observed, now) == expected


def test_no_change_in_sight() -> None:
    always = policy("00:00-24:00")
    assert change([], None, False, NOW) is None
    assert change([always], hold(owners={"policy:night": FOREVER}), True, NOW) is None
    assert change([always], hold(State.OVERRIDDEN, {}, override=FOREVER), False, NOW) is None
    assert change([always], hold(owners={"caller:ci": NOON}), True, NOW) is None


def test_an_override_into_the_next_window() -> None:
    """The policy was changed since: at the override's end the new window is already running."""
    recorded = hold(State.OVERRIDDEN, {}, override=SOON)
    assert change([NIGHT], recorded, False, NOW) == Change(SOON, muted=True)


def test_preview_shows_local_times_and_what_the_clocks_do() -> None:
    night = policy("22:00-07:00")
    shown = forecast.preview(night, at("2026-10-23 12:00"), at("2026-10-25 12:00"))
    assert [window.note for window in shown] == [None, "clocks go back by 60 min at 2026-10-25 03:00"]
    assert shown[1].local_start.isoformat() == "2026-10-24T22:00:00+02:00"
    assert shown[1].local_end.isoformat() == "2026-10-25T07:00:00+01:00"
    assert (shown[1].start, shown[1].end) == (at("2026-10-24 20:00"), at("2026-10-25 06:00"))


@pytest.mark.parametrize(
    ("zone", "day", "window", "note"),
    [
        ("Europe/Berlin", "2026-03-29", "02:15-06:00", "clocks go forward by 60 min at 2026-03-29 02:00"),
        ("Europe/Berlin", "2026-03-28", "22:00-02:30", "clocks go forward by 60 min at 2026-03-29 02:00"),
        ("Europe/Berlin", "2026-10-25", "01:00-02:00", None),
        ("Europe/Berlin", "2026-10-25", "02:00-03:00", "clocks go back by 60 min at 2026-10-25 03:00"),
        ("Europe/Berlin", "2026-10-25", "03:00-04:00", None),
        ("Australia/Lord_Howe", "2026-04-04", "22:00-07:00", "clocks go back by 30 min at 2026-04-05 02:00"),
        ("Pacific/Apia", "2011-12-29", "22:00-07:00", "clocks go forward by 1440 min at 2011-12-30 00:00"),
        ("Africa/Monrovia", "1972-01-06", "22:00-07:00", "clocks go forward by 44 min 30 s at 1972-01-07 00:00"),
    ],
)
def test_notes(zone: str, day: str, window: str, note: str | None) -> None:
    occurrence = on(day, window, zone)
    assert occurrence
    shown = forecast.preview(policy(window, zone=zone), occurrence.start, occurrence.start + timedelta(minutes=1))
    assert [each.note for each in shown] == [note]


def test_a_note_for_each_change_of_the_clocks() -> None:
    year = policy("00:00-24:00", dates={"2026-02-28": [], "2026-11-30": []})
    (shown,) = forecast.preview(year, at("2026-06-01 00:00"), at("2026-06-02 00:00"))
    assert shown.note == (
        "clocks go forward by 60 min at 2026-03-29 02:00; clocks go back by 60 min at 2026-10-25 03:00"
    )


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_preview_of_endless_quiet(zone: str) -> None:
    shown = forecast.preview(policy("00:00-24:00", zone=zone), at("2026-03-01 00:00"), at("2026-04-01 00:00"))
    assert shown == [LocalWindow(BEGINNING, FOREVER, BEGINNING, FOREVER, None)]


def test_preview_of_quiet_that_began_and_does_not_end() -> None:
    (shown,) = forecast.preview(
        policy("00:00-24:00", dates={"2026-02-28": []}), at("2026-03-02 00:00"), at("2026-04-01 00:00")
    )
    assert (shown.start, shown.end, shown.note) == (at("2026-02-28 23:00"), FOREVER, None)
