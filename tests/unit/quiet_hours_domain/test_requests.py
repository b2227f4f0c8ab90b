"""What people and callers ask for directly."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chat_mute.quiet_hours.decision import Decision, decide
from chat_mute.quiet_hours.holds import Hold, Owner, State
from chat_mute.quiet_hours.requests import explicit_mute, explicit_unmute, let_go, with_caller
from chat_mute.quiet_hours.situation import Situation
from chat_mute.quiet_hours.windows import FOREVER
from tests.unit.quiet_hours_domain.chats import LATER, MORNING, NOTHING, NOW, SOMEBODY_ELSE, chat, hold, outcome

MUTING, HELD, RELEASING, OVERRIDDEN = State.MUTING, State.HELD, State.RELEASING, State.OVERRIDDEN
CI = {"caller:ci": LATER}
OVERRIDE = hold(OVERRIDDEN, {}, override=MORNING)
ANN = "api:ann"


# ---- until ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", [True, False])
def test_a_caller_remembers_what_was_before(observed: bool) -> None:
    decision = with_caller(chat(None, observed, NOTHING), "caller:ci", LATER, "deploy")
    assert outcome(decision) == ("mute", "caller")
    assert decision.who == ("caller:ci",)
    assert decision.before
    assert decision.before.owners == {"caller:ci": Owner(LATER, "deploy")}
    assert decision.before == replace(hold(MUTING, prior=observed), owners=decision.before.owners)
    assert decision.after == replace(decision.before, state=HELD)


def test_a_chat_of_unknown_state_counts_as_audible_before() -> None:
    assert with_caller(chat(None, None, NOTHING), "caller:ci", LATER).after == hold(owners=CI, prior=False)


def test_a_callers_new_until_replaces_its_former_one() -> None:
    for until in (NOW + timedelta(hours=1), LATER + timedelta(hours=1)):
        decision = with_caller(chat(hold(owners=CI), True, NOTHING), "caller:ci", until)
        assert decision.before == hold(MUTING, {"caller:ci": until})


def test_different_callers_add_up_beside_the_policies() -> None:
    decision = with_caller(chat(hold(owners=CI), observed=True), "caller:ann", MORNING)
    assert decision.after == hold(owners={**CI, "caller:ann": MORNING, "policy:night": MORNING})


@pytest.mark.parametrize("state", [MUTING, HELD])
def test_the_prior_state_is_not_rewritten_by_a_request(state: State) -> None:
    audible = with_caller(chat(hold(state, CI), True, NOTHING), "caller:ann", LATER)
    assert audible.before
    assert not audible.before.prior_muted
    muted = with_caller(chat(hold(state, CI, prior=True), None, NOTHING), "caller:ann", LATER)
    assert muted.before
    assert muted.before.prior_muted


def test_a_caller_is_obeyed_in_spite_of_an_override_which_goes_on() -> None:
    decision = with_caller(chat(OVERRIDE, observed=False), "caller:ci", LATER)
    assert decision.after == hold(owners=CI, override=MORNING)
    muted_by_hand = with_caller(chat(OVERRIDE, observed=True), "caller:ci", LATER)
    assert muted_by_hand.after == hold(owners=CI, override=MORNING, prior=True)


def test_what_a_person_undid_before_the_request_is_seen() -> None:
    decision = with_caller(chat(hold(prior=True), observed=False), "caller:ci", LATER)
    assert decision.after == hold(owners=CI, override=MORNING, prior=False)


def test_a_request_during_a_release_takes_the_chat_over() -> None:
    decision = with_caller(chat(hold(RELEASING, {}), True, NOTHING), "caller:ci", LATER)
    assert decision.before == hold(MUTING, CI)


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(seconds=1), datetime(2030, 1, 1)])  # noqa: DTZ001 - a fault
def test_until_must_be_in_the_future_and_aware(until: datetime) -> None:
    with pytest.raises(ValueError, match="future"):
        with_caller(chat(None, observed=False), "caller:ci", until)


def test_a_mute_that_could_never_end_is_not_made() -> None:
    foreign = replace(hold(), identity=SOMEBODY_ELSE)
    decision = with_caller(chat(foreign, observed=False), "caller:ci", LATER)
    assert outcome(decision) == ("leave", "foreign")
    assert decision.who == ("caller:ci",)
    assert decision.before is decision.after is foreign


# ---- a plain mute ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", [True, False, None])
def test_a_plain_mute_of_a_chat_nobody_holds_needs_no_record(observed: bool | None) -> None:
    decision = explicit_mute(chat(None, observed, NOTHING), ANN)
    assert outcome(decision) == ("mute", "explicit_mute")
    assert decision.before is decision.after is None
    assert decision.who == (ANN,)


@pytest.mark.parametrize("state", [MUTING, HELD])
def test_a_plain_mute_inside_a_window_sets_keep_and_leaves_the_prior_state(state: State) -> None:
    decision = explicit_mute(chat(hold(state), observed=True), ANN)
    assert (outcome(decision), decision.who) == (("mute", "explicit_mute"), (ANN,))
    assert decision.before == hold(MUTING, keep=True)
    assert decision.after == hold(HELD, keep=True)
    assert outcome(decide(chat(decision.after, True, NOTHING, MORNING))) == ("leave", "kept")


def test_a_plain_mute_before_the_window_got_to_the_chat() -> None:
    decision = explicit_mute(chat(None, observed=False), ANN)
    assert decision.before == hold(MUTING, keep=True)
    assert decision.after == hold(HELD, keep=True)


def test_a_plain_mute_ends_an_override() -> None:
    decision = explicit_mute(chat(OVERRIDE, observed=False), ANN)
    assert decision.after == hold(HELD, keep=True)


def test_a_plain_mute_during_a_release_wins() -> None:
    decision = explicit_mute(chat(hold(RELEASING, {}), True, NOTHING), ANN)
    assert decision.before == hold(MUTING, {}, keep=True)
    assert decision.after == hold(HELD, {}, keep=True), "the release may come to the portal after it"
    assert decision.after
    assert decision.after.next_due(NOW) == NOW


def test_a_plain_mute_keeps_the_callers() -> None:
    assert explicit_mute(chat(hold(owners=CI), True, NOTHING), ANN).after == hold(HELD, CI, keep=True)


def test_a_plain_mute_of_what_an_expired_caller_held() -> None:
    decision = explicit_mute(chat(hold(owners={"caller:ci": NOW}), True, NOTHING), ANN)
    assert decision.before == hold(MUTING, {}, keep=True)
    assert decision.after is None


# ---- a plain unmute -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", [True, False, None])
@pytest.mark.parametrize(
    "recorded", [None, hold(), hold(MUTING), hold(prior=True, keep=True), hold(owners=CI), OVERRIDE]
)
def test_an_explicit_unmute_inside_a_window_keeps_the_chat_audible_until_it_ends(
    observed: bool | None, recorded: Hold | None
) -> None:
    decision = explicit_unmute(chat(recorded, observed), ANN)
    assert outcome(decision) == ("unmute", "explicit_unmute")
    assert decision.who == (ANN,)
    assert decision.before == hold(RELEASING, {}, override=MORNING)
    assert decision.after == OVERRIDE
    assert outcome(decide(chat(decision.after, observed=False))) == ("leave", "overridden")
    for observed_then, action in ((True, "unmute"), (None, "unmute"), (False, "leave")):
        crashed = decide(chat(decision.before, observed_then))
        assert crashed.action == action
        assert crashed.after == OVERRIDE


def test_an_explicit_unmute_outside_windows_drops_every_owner() -> None:
    decision = explicit_unmute(
        chat(hold(owners={**CI, "caller:ann": LATER}, prior=True, keep=True), True, NOTHING), ANN
    )
    assert decision.before == hold(RELEASING, {}, prior=False)
    assert decision.after is None


def test_an_explicit_unmute_of_a_chat_nobody_holds_needs_no_record() -> None:
    decision = explicit_unmute(chat(None, None, NOTHING), ANN)
    assert outcome(decision) == ("unmute", "explicit_unmute")
    assert decision.who == (ANN,)
    assert decision.before is decision.after is None


@pytest.mark.parametrize(
    ("request_", "told"),
    [(explicit_mute, ("mute", "explicit_mute")), (explicit_unmute, ("unmute", "explicit_unmute"))],
)
def test_plain_requests_leave_another_users_record_alone(
    request_: Callable[[Situation, str], Decision], told: tuple[str, str]
) -> None:
    foreign = replace(hold(), identity=SOMEBODY_ELSE)
    decision = request_(chat(foreign, observed=True), ANN)
    assert decision.before is decision.after is foreign
    assert (outcome(decision), decision.who) == (told, (ANN,))


@pytest.mark.parametrize("recorded", [hold(), hold(MUTING, CI, prior=True, keep=True), OVERRIDE])
def test_letting_go_of_all_is_an_unmute_whose_end_the_next_look_finds(recorded: Hold) -> None:
    released = let_go(recorded)
    assert released == hold(RELEASING, {}, override=FOREVER)
    assert decide(chat(released, observed=True)).after == OVERRIDE
    assert decide(chat(released, True, NOTHING)).after is None
