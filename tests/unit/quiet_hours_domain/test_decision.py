"""Each rule of the contract for holds, people and crashes, by name."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chat_mute.quiet_hours.agenda import Wish
from chat_mute.quiet_hours.decision import decide, overruled, refused, release
from chat_mute.quiet_hours.holds import Hold, State
from chat_mute.quiet_hours.situation import Situation
from chat_mute.quiet_hours.windows import FOREVER
from tests.unit.quiet_hours_domain.chats import (
    BEFORE,
    LATER,
    ME,
    MORNING,
    NIGHT,
    NOTHING,
    NOW,
    SOMEBODY_ELSE,
    chat,
    hold,
    outcome,
)

MUTING, HELD, RELEASING, OVERRIDDEN = State.MUTING, State.HELD, State.RELEASING, State.OVERRIDDEN
BOTH = {"policy:night": MORNING, "caller:ci": LATER}
OVERRIDE = hold(OVERRIDDEN, {}, override=MORNING)


# ---- a window opens -------------------------------------------------------------------------------------------------


def test_a_window_mutes_an_audible_chat_and_writes_first() -> None:
    decision = decide(chat(None, observed=False))
    assert outcome(decision) == ("mute", "wanted")
    assert decision.before == hold(MUTING)
    assert decision.after == hold(HELD)
    assert decision.who == ("policy:night",)


def test_a_chat_muted_before_is_recorded_and_left() -> None:
    decision = decide(chat(None, observed=True))
    assert outcome(decision) == ("leave", "already_muted")
    assert decision.before == decision.after == hold(HELD, prior=True)


def test_a_chat_whose_state_is_unknown_is_left() -> None:
    decision = decide(chat(None, observed=None))
    assert outcome(decision) == ("leave", "unknown")
    assert decision.before is None


@pytest.mark.parametrize("observed", [True, False, None])
def test_a_chat_nobody_wants_quiet_is_left(observed: bool | None) -> None:
    decision = decide(chat(None, observed, NOTHING))
    assert outcome(decision) == ("leave", "idle")
    assert decision.before is decision.after is None


@pytest.mark.parametrize("observed", [True, None])
def test_inside_the_window_nothing_is_done_twice(observed: bool | None) -> None:
    decision = decide(chat(hold(), observed))
    assert outcome(decision) == ("leave", "held")
    assert decision.before == decision.after == hold()


def test_every_policy_that_wants_it_is_an_owner() -> None:
    both = Wish({"night": MORNING, "lunch": LATER}, LATER)
    decision = decide(chat(None, False, both))
    assert decision.before
    assert decision.before.owners == hold(owners={"policy:night": MORNING, "policy:lunch": LATER}).owners
    assert decision.who == ("policy:lunch", "policy:night")


# ---- the prior state ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", [True, False])
def test_prior_state_is_written_once_never_by_a_retry(prior: bool) -> None:
    decision = decide(chat(hold(MUTING, prior=prior), observed=True))
    assert outcome(decision) == ("leave", "confirmed")
    assert decision.after == hold(HELD, prior=prior)


def test_prior_state_is_never_rewritten_by_a_second_window() -> None:
    second = Wish({"night": MORNING, "holiday": LATER}, LATER)
    decision = decide(chat(hold(), True, second))
    assert decision.after == hold(owners={"policy:night": MORNING, "policy:holiday": LATER}, prior=False)
    took_over = decide(chat(hold(), True, Wish({"holiday": LATER}, LATER)))
    assert outcome(took_over) == ("leave", "held")
    assert took_over.after == hold(owners={"policy:holiday": LATER}, prior=False)


# ---- letting go -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", [True, None])
def test_the_last_owner_lets_go_and_the_chat_is_audible_again(observed: bool | None) -> None:
    decision = decide(chat(hold(), observed, NOTHING, MORNING))
    assert outcome(decision) == ("unmute", "let_go")
    assert decision.before == hold(RELEASING, {})
    assert decision.after is None
    assert decision.who == ("policy:night",)


@pytest.mark.parametrize("state", [HELD, MUTING])
@pytest.mark.parametrize("observed", [True, None])
def test_muted_by_hand_before_stays_muted(state: State, observed: bool | None) -> None:
    decision = decide(chat(hold(state, prior=True), observed, NOTHING, MORNING))
    assert outcome(decision) == ("leave", "was_muted")
    assert decision.after is None


def test_keep_stays_muted_after_the_window() -> None:
    decision = decide(chat(hold(keep=True), True, NOTHING, MORNING))
    assert outcome(decision) == ("leave", "kept")
    assert decision.after is None


def test_not_the_last_owner() -> None:
    decision = decide(chat(hold(owners=BOTH), True, NOTHING, MORNING))
    assert outcome(decision) == ("leave", "held")
    assert decision.after == hold(owners={"caller:ci": LATER})


def test_different_callers_add_up_and_expired_ones_drop() -> None:
    owners = {"caller:ci": MORNING, "caller:ann": LATER, "schedule:lunch": BEFORE}
    assert decide(chat(hold(owners=owners), True, NOTHING)).after == hold(
        owners={"caller:ci": MORNING, "caller:ann": LATER}
    )
    assert decide(chat(hold(owners=owners), True, NOTHING, MORNING)).after == hold(owners={"caller:ann": LATER})
    assert outcome(decide(chat(hold(owners=owners), True, NOTHING, LATER))) == ("unmute", "let_go")


def test_an_owner_lets_go_at_its_very_instant() -> None:
    owners = {"caller:ci": NOW}
    assert outcome(decide(chat(hold(owners=owners), True, NOTHING, NOW))) == ("unmute", "let_go")
    assert outcome(decide(chat(hold(owners=owners), True, NOTHING, NOW - timedelta(microseconds=1)))) == (
        "leave",
        "held",
    )


def test_a_policy_changed_disabled_deleted_or_skipped_lets_go_at_once() -> None:
    assert outcome(decide(chat(hold(), True, NOTHING))) == ("unmute", "let_go")
    assert decide(chat(hold(owners=BOTH), True, NOTHING)).after == hold(owners={"caller:ci": LATER})


def test_level_triggered_after_an_outage_only_the_present_counts() -> None:
    """The window of yesterday was never let go, the one of tonight runs: the chat stays quiet, and nothing flaps."""
    yesterday = hold(owners={"policy:night": MORNING - timedelta(days=1)})
    decision = decide(chat(yesterday, True))
    assert outcome(decision) == ("leave", "held")
    assert decision.after == hold()


# ---- crashes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", [False, None])
def test_stored_but_the_portal_not_told_is_told_again(observed: bool | None) -> None:
    decision = decide(chat(hold(MUTING), observed))
    assert outcome(decision) == ("mute", "unconfirmed")
    assert decision.before == hold(MUTING)
    assert decision.after == hold(HELD)


def test_our_own_half_done_mute_is_not_taken_for_one_made_by_hand() -> None:
    confirmed = decide(chat(hold(MUTING), observed=True)).after
    assert confirmed == hold(HELD, prior=False)
    assert outcome(decide(chat(confirmed, True, NOTHING, MORNING))) == ("unmute", "let_go")


def test_half_done_mute_of_an_ended_window() -> None:
    assert outcome(decide(chat(hold(MUTING), True, NOTHING, MORNING))) == ("unmute", "let_go")
    assert outcome(decide(chat(hold(MUTING), None, NOTHING, MORNING))) == ("unmute", "let_go")
    never = decide(chat(hold(MUTING), False, NOTHING, MORNING))
    assert outcome(never) == ("leave", "never_muted")
    assert never.after is None


@pytest.mark.parametrize("observed", [True, None])
def test_release_stored_but_the_portal_not_told_is_told_again(observed: bool | None) -> None:
    decision = decide(chat(hold(RELEASING, {}), observed, NOTHING))
    assert outcome(decision) == ("unmute", "unreleased")
    assert decision.before == hold(RELEASING, {})
    assert decision.after is None


def test_released_on_the_portal_but_the_record_not_removed() -> None:
    decision = decide(chat(hold(RELEASING, {}), False, NOTHING))
    assert outcome(decision) == ("leave", "released")
    assert decision.after is None


def test_a_half_done_release_is_not_taken_for_a_mute_by_hand() -> None:
    """The next window finds the chat still muted by us: at its end it must be audible."""
    decision = decide(chat(hold(RELEASING, {}), True))
    assert outcome(decision) == ("leave", "held")
    assert decision.after == hold(HELD, prior=False)
    unseen = decide(chat(hold(RELEASING, {}), None))
    assert outcome(unseen) == ("mute", "unconfirmed")
    assert unseen.after == hold(HELD, prior=False)
    done = decide(chat(hold(RELEASING, {}), False))
    assert outcome(done) == ("mute", "wanted")
    assert done.before == hold(MUTING, prior=False)


@pytest.mark.parametrize("observed", [False, None])
def test_a_half_done_keep_is_completed(observed: bool | None) -> None:
    decision = decide(chat(hold(MUTING, {}, keep=True), observed, NOTHING))
    assert outcome(decision) == ("mute", "unconfirmed")
    assert decision.before == hold(MUTING, {}, keep=True)
    assert decision.after is None


def test_a_half_done_mute_keeps_what_its_record_knows() -> None:
    recorded = hold(MUTING, prior=True, keep=True)
    decision = decide(chat(recorded, observed=None))
    assert (decision.before, decision.after) == (recorded, replace(recorded, state=HELD))
    assert chat(hold(MUTING), observed=True).seen() == hold(HELD), "a mute that shows is confirmed"


@pytest.mark.parametrize("keep", [False, True])
def test_a_half_done_mute_of_a_caller_who_is_gone_leaves_what_people_want(keep: bool) -> None:
    decision = decide(chat(hold(MUTING, {"caller:ci": NOW}, keep=keep, override=MORNING), observed=False))
    assert outcome(decision) == (("mute", "unconfirmed") if keep else ("leave", "never_muted"))
    assert decision.after == OVERRIDE


def test_a_chat_the_portal_refuses_is_left_alone_until_the_window_ends() -> None:
    for recorded, observed in itertools.product((None, hold(MUTING), hold(MUTING, keep=True)), (False, None)):
        left = refused(chat(recorded, observed=observed))
        assert left == OVERRIDE
        assert outcome(decide(chat(left, observed=False))) == ("leave", "overridden")
        assert refused(chat(recorded, observed=observed, wish=NOTHING)) is None


@pytest.mark.parametrize(
    ("found", "muted", "state"),
    [
        (None, True, RELEASING),
        (OVERRIDE, True, RELEASING),
        (hold(RELEASING, {}), True, RELEASING),
        (hold(HELD), True, None),
        (hold(MUTING), True, None),
        (None, False, None),
        (OVERRIDE, False, None),
        (hold(RELEASING, {}), False, None),
        (hold(HELD, prior=True), False, MUTING),
        (hold(MUTING, prior=True), False, MUTING),
    ],
)
def test_the_newer_record_is_told_once_more_where_the_portal_was_told_otherwise(
    found: Hold | None, muted: bool, state: State | None
) -> None:
    told = overruled(hold(MUTING if muted else RELEASING), found, muted=muted)
    if state is None:
        assert told is None
    elif found is None:
        assert told == hold(RELEASING, {})
    else:
        assert told == replace(found, state=state)


def test_a_record_that_is_gone_wants_nothing_any_more() -> None:
    assert overruled(hold(MUTING, override=MORNING), None, muted=True) == hold(RELEASING, {})


@pytest.mark.parametrize("what", ["keep", "prior"])
def test_a_mute_that_was_to_outlast_its_record_is_not_undone(what: str) -> None:
    assert overruled(hold(MUTING, **{what: True}), None, muted=True) is None  # type: ignore[arg-type]


def test_refused_leaves_what_was_there() -> None:
    assert refused(chat(hold(MUTING), observed=True)) == hold(MUTING)
    assert refused(chat(hold(), observed=False)) == hold()
    assert refused(chat(OVERRIDE, observed=False)) == OVERRIDE


@pytest.mark.parametrize(
    ("recorded", "observed", "wish", "who"),
    [
        (None, False, NIGHT, ("policy:night",)),
        (None, True, NIGHT, ("policy:night",)),
        (None, None, NIGHT, ("policy:night",)),
        (None, False, NOTHING, ()),
        (hold(owners=BOTH), True, NIGHT, ("caller:ci", "policy:night")),
        (hold(MUTING), True, NIGHT, ("policy:night",)),
        (hold(MUTING), None, NIGHT, ("policy:night",)),
        (hold(owners=BOTH), False, NIGHT, ("caller:ci", "policy:night")),
        (hold(), True, NOTHING, ("policy:night",)),
        (hold(prior=True), True, NOTHING, ("policy:night",)),
        (hold(MUTING), False, NOTHING, ("policy:night",)),
        (hold(MUTING, {"caller:ci": NOW}, keep=True), None, NOTHING, ("caller:ci",)),
        (hold(RELEASING), True, NOTHING, ("policy:night",)),
    ],
)
def test_every_decision_says_for_whom(
    recorded: Hold | None, observed: bool | None, wish: Wish, who: tuple[str, ...]
) -> None:
    assert decide(chat(recorded, observed, wish)).who == who


# ---- the kill switch ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "observed", "told", "before", "after"),
    [
        (None, False, ("leave", "idle"), None, None),
        (hold(), True, ("unmute", "let_go"), hold(RELEASING, {}), None),
        (hold(override=MORNING), True, ("unmute", "let_go"), hold(RELEASING, {}, override=MORNING), OVERRIDE),
        (hold(RELEASING, {}), None, ("unmute", "unreleased"), hold(RELEASING, {}), None),
        (hold(), False, ("leave", "unmuted_by_hand"), OVERRIDE, OVERRIDE),
        (hold(prior=True), True, ("leave", "was_muted"), None, None),
        (hold(MUTING, keep=True), None, ("leave", "kept"), None, None),
        (hold(MUTING, keep=True, override=MORNING), None, ("leave", "kept"), OVERRIDE, OVERRIDE),
    ],
)  # fmt: skip
def test_the_kill_switch_lets_go_of_what_is_wanted_and_mutes_nothing(
    recorded: Hold | None, observed: bool | None, told: tuple[str, str], before: Hold | None, after: Hold | None
) -> None:
    decision = release(chat(recorded, observed))
    assert (outcome(decision), decision.before, decision.after) == (told, before, after)


# ---- people win -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", [True, False])
@pytest.mark.parametrize("keep", [True, False])
def test_a_chat_somebody_unmuted_in_bitrix24_is_not_muted_again_in_that_window(prior: bool, keep: bool) -> None:
    decision = decide(chat(hold(owners=BOTH, prior=prior, keep=keep), observed=False))
    assert outcome(decision) == ("leave", "unmuted_by_hand")
    assert decision.before == decision.after == OVERRIDE
    assert decision.who == ("caller:ci", "policy:night")
    again = decide(chat(decision.after, observed=False))
    assert outcome(again) == ("leave", "overridden")
    assert again.after == OVERRIDE
    after = decide(chat(OVERRIDE, False, NOTHING, MORNING))
    assert outcome(after) == ("leave", "override_ended")
    assert after.after is None
    next_night = Wish({"night": LATER}, LATER)
    assert outcome(decide(chat(OVERRIDE, False, next_night, MORNING))) == ("mute", "wanted")


def test_the_override_lasts_until_the_united_window_ends() -> None:
    decision = decide(chat(hold(), False, Wish({"night": MORNING}, LATER)))
    assert decision.after == hold(OVERRIDDEN, {}, override=LATER)


def test_an_override_ends_with_the_policies_that_it_overrides() -> None:
    decision = decide(chat(hold(OVERRIDDEN, {}, override=FOREVER), False, NOTHING))
    assert outcome(decision) == ("leave", "override_ended")
    assert decision.after is None


def test_unmuted_by_hand_after_the_window_leaves_nothing() -> None:
    decision = decide(chat(hold(), False, NOTHING, MORNING))
    assert outcome(decision) == ("leave", "unmuted_by_hand")
    assert decision.after is None


def test_a_hold_of_callers_undone_by_hand_is_over() -> None:
    decision = decide(chat(hold(owners={"caller:ci": LATER}), False, NOTHING))
    assert outcome(decision) == ("leave", "unmuted_by_hand")
    assert decision.after is None


def test_a_window_that_has_not_muted_yet_is_not_overridden_by_an_earlier_unmute() -> None:
    """Undone were a caller's mute, and the window of the night before that nobody could close."""
    callers_only = hold(owners={"caller:ci": LATER})
    last_night = hold(owners={"policy:night": NOW})
    for recorded in (callers_only, last_night):
        decision = decide(chat(recorded, observed=False))
        assert outcome(decision) == ("mute", "wanted")
        assert decision.before == hold(MUTING, prior=False)


def test_muted_again_by_hand_during_an_override_stays_muted() -> None:
    assert decide(chat(OVERRIDE, observed=True)).after == OVERRIDE
    next_night = Wish({"night": LATER}, LATER)
    decision = decide(chat(OVERRIDE, True, next_night, MORNING))
    assert outcome(decision) == ("leave", "already_muted")
    assert decision.after == hold(owners={"policy:night": LATER}, prior=True)


def test_a_caller_holds_through_an_override_and_leaves_it_in_place() -> None:
    recorded = hold(owners={"caller:ci": LATER}, override=MORNING)
    assert decide(chat(recorded, observed=True)).after == recorded
    let_go = decide(chat(hold(owners={"caller:ci": NOW}, override=MORNING), observed=True))
    assert outcome(let_go) == ("unmute", "let_go")
    assert let_go.before == hold(RELEASING, {}, override=MORNING)
    assert let_go.after == OVERRIDE
    undone = decide(chat(recorded, observed=False))
    assert undone.after == OVERRIDE
    was_muted = decide(chat(hold(owners={"caller:ci": NOW}, override=MORNING, prior=True), observed=True))
    assert outcome(was_muted) == ("leave", "was_muted")
    assert was_muted.after == OVERRIDE
    assert decide(chat(recorded, True, NOTHING)).after == hold(owners={"caller:ci": LATER})


def test_an_unconfirmed_mute_of_a_chat_muted_before_can_only_have_been_undone_by_hand() -> None:
    owners = {"caller:ci": LATER}
    undone = decide(chat(hold(MUTING, owners, prior=True), False, NOTHING))
    assert outcome(undone) == ("leave", "unmuted_by_hand")
    assert undone.after is None
    for_good = decide(chat(hold(MUTING, owners, prior=True, keep=True), False, NOTHING))
    assert outcome(for_good) == ("mute", "unconfirmed")


# ---- whose ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("wish", [NIGHT, NOTHING])
@pytest.mark.parametrize("observed", [True, False, None])
def test_another_users_record_is_never_touched(state: State, wish: Wish, observed: bool | None) -> None:
    foreign = replace(hold(state), identity=SOMEBODY_ELSE)
    for decision in (decide(chat(foreign, observed, wish)), release(chat(foreign, observed, wish))):
        assert outcome(decision) == ("leave", "foreign")
        assert decision.before is decision.after is foreign


def test_without_a_record_nothing_was_undone() -> None:
    assert not chat(None, observed=False).undone_by_hand
    assert chat(hold(), observed=False).undone_by_hand


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        Situation(42, "chat42", ME, None, None, datetime(2026, 1, 1))  # noqa: DTZ001 - that is the fault


@pytest.mark.parametrize(
    ("recorded", "due"),
    [
        (hold(MUTING), NOW),
        (hold(RELEASING, {}), NOW),
        (hold(), None),
        (hold(owners=BOTH), LATER),
        (hold(owners={"caller:ci": LATER, "schedule:x": MORNING}), MORNING),
        (hold(owners={"caller:ci": LATER}, override=MORNING), MORNING),
        (OVERRIDE, MORNING),
    ],
)
def test_when_a_record_needs_another_look(recorded: Hold, due: datetime | None) -> None:
    assert recorded.next_due(NOW) == due


def test_a_record_can_be_hashed_and_compared() -> None:
    assert len({hold(), hold(), hold(MUTING)}) == 2
