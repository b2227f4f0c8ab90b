"""The rules of the service's semantics, one test or more for each, on the real code in virtual time.

design.md is where they come from; README.md and docs/ tell them to people. Pure arithmetic of windows and decisions has
tests of its own in `quiet_hours_domain`.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.portal import Fault, Portal
from local.virtual import STATE, VirtualStack
from tests.conftest import WEBHOOK_MARK

ANN, BEN = 503, 547
HOST = "portal.example"
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    """``2026-03-03 18:00`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def policy(*windows: str, zone: str = "Europe/Berlin", chats: Any = None, **more: Any) -> dict[str, Any]:
    pairs = [window.split("-") for window in windows]
    weekly = [{"days": WEEK, "start": start, "end": end} for start, end in pairs]
    return {"timezone": zone, "windows": weekly, "chats": chats or {"all": True}, **more}


class Night:
    """Ann's account, her chats 1 to 4 (2 muted by hand) and her chat with Ben, 547, in Berlin's winter at noon."""

    def __init__(self, start: datetime) -> None:
        self.stack = VirtualStack(start=start)
        self.portal: Portal = self.stack.add_portal(HOST)
        self.portal.add_user(ANN, "Ann")
        self.portal.add_user(BEN, "Ben")
        self.webhook()
        for chat_id in range(1, 5):
            self.portal.add_chat(chat_id, members=[ANN, BEN], title=f"Deal {chat_id}")
        self.portal.add_private(ANN, BEN, 9)
        self.portal.mute_by_hand(ANN, 2)

    def webhook(self, account: str = "default", user: int = ANN) -> None:
        code = self.portal.add_webhook(user, f"{WEBHOOK_MARK}{len(self.portal.webhooks)}").code
        self.stack.put_account(account, {"webhook_url": f"https://{HOST}/rest/{user}/{code}/"})

    @property
    def muted(self) -> set[int]:
        return self.portal.muted_chats(ANN)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.stack.call(method, f"/default/{path}", body)
        assert answer.status < 300, answer
        return answer.body

    def put(self, name: str, *windows: str, **more: Any) -> None:
        self.call("PUT", f"quiet-hours/{name}", policy(*windows, **more))

    def mute(self, chat_id: int, mute: str = "Y", **more: Any) -> Any:
        return self.call("POST", "im.chat.mute", {"CHAT_ID": chat_id, "MUTE": mute, **more})

    def go(self, text: str) -> None:
        """A tick at each whole minute that something is due at, up to a moment."""
        until = at(text)
        looks: Counter[datetime] = Counter()
        while (due := self.due()) is not None and due <= until:
            self.stack.minute(max(due, self.stack.clock.now()) + timedelta(microseconds=1))
            looks[due] += 1
            assert looks[due] < 20, "due again and again, and nothing comes of it"
        self.stack.minute(max(until, self.stack.clock.now()))

    def due(self) -> datetime | None:
        """When the account is next looked at, up to the next whole minute, which is when a tick comes."""
        item = next((item for item in self.stack.dynamodb.items(STATE) if item["sk"]["S"] == "account"), {})
        if "due" not in item:
            return None
        seconds = float(item["due"]["N"])
        return datetime.fromtimestamp(-(-seconds // 60) * 60, UTC)

    def shown(self, chat_id: int) -> Any:
        return self.call("GET", f"chats/chat{chat_id}")

    def owners(self, chat_id: int) -> list[str]:
        return [hold["owner"] for hold in self.shown(chat_id)["holds"]]

    def changes(self, chat_id: int) -> list[bool]:
        """What the portal has told Ann's open windows of one chat: muted or not, each real change."""
        return [event.muted for event in self.portal.events if event.chat_id == chat_id and event.user_id == ANN]

    def told(self, chat_id: int) -> list[str]:
        """How `im.chat.mute` was called for one chat."""
        calls = self.portal.calls_of("im.chat.mute")
        return [call.params["MUTE"] for call in calls if str(call.params.get("CHAT_ID")) == str(chat_id)]


@pytest.fixture
def night() -> Night:
    return Night(at("2026-03-03 11:00"))


# ---- 1. windows are instants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("eve", "window", "quiet", "audible"),
    [
        ("2026-03-28 11:00", "22:00-02:30", "2026-03-29 00:59", "2026-03-29 01:00"),  # the clocks jump over the end
        ("2026-03-28 11:00", "02:15-06:00", "2026-03-29 01:00", "2026-03-29 04:00"),  # and over the start
        ("2026-10-24 11:00", "22:00-02:30", "2026-10-25 01:29", "2026-10-25 01:30"),  # the second 02:30 ends it
        ("2026-10-24 11:00", "02:15-06:00", "2026-10-25 00:15", "2026-10-25 05:00"),  # the first 02:15 begins it
    ],
)
def test_windows_survive_the_clocks_going_forward_and_back(eve: str, window: str, quiet: str, audible: str) -> None:
    night = Night(at(eve))
    night.put("night", window)
    night.go(quiet)
    assert night.muted == {1, 2, 3, 4, 9}
    night.go(audible)
    assert night.muted == {2}
    assert night.changes(1) == [True, False], "no flapping"


def test_a_short_pause_between_two_policies_windows_is_quiet_too(night: Night) -> None:
    night.put("evening", "19:00-22:00")
    night.put("late", "22:01-07:00")
    night.go("2026-03-04 12:00")
    assert night.changes(1) == [True, False]


# ---- 2. level-triggered ---------------------------------------------------------------------------------------------


def test_an_outage_over_a_windows_start_heals_at_the_next_tick(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.stack.minute(at("2026-03-04 01:17"))
    assert night.muted == {1, 2, 3, 4, 9}


def test_an_outage_over_a_whole_window_replays_nothing(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.stack.minute(at("2026-03-04 12:00"))
    assert night.portal.calls_of("im.chat.mute") == []


def test_an_outage_over_a_windows_end_releases_at_the_next_tick(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.stack.minute(at("2026-03-04 15:00"))
    assert night.muted == {2}


def test_a_late_tick_never_applies_a_past_state(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.stack.clock.set(at("2026-03-04 12:00"))
    night.stack.tick(at("2026-03-03 20:00"))
    night.stack.work()
    assert night.muted == {2}


def test_a_message_that_waited_for_a_day_does_what_is_right_now(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.stack.clock.set(at("2026-03-03 18:00"))
    night.stack.tick()
    night.stack.clock.set(at("2026-03-04 17:00"))
    night.stack.work()
    assert night.muted == {2}


def test_an_idle_tick_is_one_query(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 11:05")
    night.stack.dynamodb.calls.clear()
    assert night.stack.tick() == 0
    assert night.stack.dynamodb.calls == {"query": 1}


def test_a_window_that_lies_years_ahead_is_not_forgotten(night: Night) -> None:
    day = "2029-06-01"
    night.put("party", chats={"all": True}, dates={day: [{"start": "19:00", "end": "23:00"}]})
    night.go("2029-06-01 17:30")
    assert night.muted == {1, 2, 3, 4, 9}


# ---- 3. a hold says why ---------------------------------------------------------------------------------------------


def test_a_hold_says_for_whom_and_until_when(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.mute(1, UNTIL="2026-03-04T12:00:00Z", REASON="the auditors are here")
    shown = night.shown(1)
    assert shown["holds"] == [
        {"owner": "caller:arn:aws:iam::000000000000:user/ann", "until": "2026-03-04T12:00:00Z",
         "reason": "the auditors are here"},
        {"owner": "policy:night", "until": "2026-03-04T07:00:00Z", "reason": None},
    ]  # fmt: skip
    assert shown["next_change"] == {"at": "2026-03-04T12:00:00Z", "muted": False}
    assert shown["prior_muted"] is False
    assert night.shown(2)["prior_muted"] is True
    assert night.shown(2)["next_change"] is None, "muted by hand, it stays so"


def test_a_chat_is_unmuted_when_its_last_owner_lets_go(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.put("long", "20:00-10:00", chats={"only": ["chat1"]})
    night.go("2026-03-04 07:00")
    assert night.muted == {1, 2}
    night.go("2026-03-04 09:00")
    assert night.muted == {2}
    assert night.changes(1) == [True, False]


def test_the_prior_state_is_written_once_and_not_overwritten_by_a_second_window(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.put("second", "19:30-23:00")
    night.go("2026-03-03 20:00")
    assert night.shown(1)["prior_muted"] is False
    night.go("2026-03-04 07:00")
    assert night.muted == {2}


def test_a_callers_new_until_replaces_its_former_one_and_different_callers_add_up(night: Night) -> None:
    night.mute(1, FOR="PT1H")
    night.mute(1, FOR="PT3H")
    body = {"CHAT_ID": 1, "FOR": "PT5H"}
    night.stack.call("POST", "/default/im.chat.mute", body, caller="arn:aws:iam::000000000000:user/ci")
    night.mute(1, FOR="PT2H")
    assert [hold["until"] for hold in night.shown(1)["holds"]] == ["2026-03-03T13:00:00Z", "2026-03-03T16:00:00Z"]
    night.go("2026-03-03 15:59")
    assert night.muted == {1, 2}
    night.go("2026-03-03 16:00")
    assert night.muted == {2}


@pytest.mark.parametrize("name", ["547", "chat9"])
def test_a_chat_is_the_same_by_whatever_name(night: Night, name: str) -> None:
    night.put("night", "19:00-08:00", chats={"only": [name]})
    night.go("2026-03-03 18:00")
    assert night.muted == {2, 9}
    night.call("POST", "im.chat.mute", {"DIALOG_ID": "547", "MUTE": "N"})
    night.go("2026-03-03 19:00")
    assert night.muted == {2}


# ---- 4. write first -------------------------------------------------------------------------------------------------


def test_the_hold_is_stored_before_the_portal_is_told(night: Night) -> None:
    stored: list[Any] = []
    post = night.stack.transport.post

    def watch(url: str, body: bytes, *args: Any, **kwargs: Any) -> Any:
        if b"im.chat.mute" in body:
            stored.extend(json.loads(item["document"]["S"])["state"] for item in holds(night))
        return post(url, body, *args, **kwargs)

    night.stack.transport.post = watch  # type: ignore[method-assign]
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    assert sorted(stored) == ["held", "muting", "muting", "muting", "muting"], "held: the chat muted by hand"
    stored.clear()
    night.go("2026-03-04 07:00")
    assert sorted(stored) == ["held", *["releasing"] * 4]
    assert holds(night) == []


def test_a_mute_whose_answer_was_lost_is_not_forgotten(night: Night) -> None:
    night.portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=None)
    answer = night.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1, "FOR": "PT2H"})
    assert (answer.status, answer.body["error"]) == (502, "PORTAL_UNREACHABLE")
    night.portal.faults.clear()
    assert night.muted == {1, 2}
    night.go("2026-03-03 13:05")
    assert night.muted == {2}


def test_a_job_in_the_look_that_begins_a_window_sees_what_that_has_done(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    night.stack.clock.set(at("2026-03-03 17:59"))
    night.call("POST", "mutes", {"chats": ["chat1"], "until": "2026-03-04T12:00:00Z"})
    night.stack.minute(at("2026-03-03 18:00"))
    assert night.owners(1) == ["caller:arn:aws:iam::000000000000:user/ann", "policy:night"]
    night.go("2026-03-04 11:59")
    assert night.muted == {1, 2}
    night.go("2026-03-04 12:00")
    assert night.muted == {2}


def test_another_users_secret_never_touches_a_record_and_forget_ends_it(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.portal.mute_by_hand(BEN, 1)
    night.webhook(user=BEN)
    night.stack.new_process()
    night.go("2026-03-04 08:00")
    assert night.portal.muted_chats(BEN) == {1}
    assert night.muted == {1, 2, 3, 4, 9}
    assert len(holds(night)) == 5
    who = {"portal": HOST, "user_id": ANN}
    assert night.stack.invoke({"forget": "default", **who}) == {"forgotten": 5}
    assert holds(night) == []


def holds(night: Night) -> list[Any]:
    return [item for item in night.stack.dynamodb.items(STATE) if item["sk"]["S"].startswith("hold#")]


# ---- 5. people win --------------------------------------------------------------------------------------------------


def test_an_explicit_unmute_keeps_the_chat_audible_until_the_united_window_ends(night: Night) -> None:
    night.put("night", "19:00-23:00")
    night.put("late", "22:00-08:00")
    night.go("2026-03-03 18:00")
    night.mute(1, "N")
    night.go("2026-03-04 06:59")
    assert 1 not in night.muted
    night.go("2026-03-04 18:00")
    assert 1 in night.muted, "the next night is another window"


def test_an_explicit_unmute_before_the_tick_has_come_counts_too(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    night.stack.clock.set(at("2026-03-03 18:00") + timedelta(seconds=20))
    night.mute(1, "N")
    night.go("2026-03-03 19:00")
    assert night.muted == {2, 3, 4, 9}


def test_an_explicit_unmute_drops_every_owner(night: Night) -> None:
    night.mute(1, FOR="PT8H")
    night.mute(1, "N")
    assert night.call("GET", "holds")["holds"] == []
    night.go("2026-03-04 12:00")
    assert night.told(1) == ["Y", "N"]


def test_a_chat_that_somebody_unmuted_in_bitrix24_is_not_muted_again_in_that_window(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.portal.mute_by_hand(ANN, 1, muted=False)
    night.go("2026-03-04 06:59")
    assert 1 not in night.muted
    night.go("2026-03-04 18:00")
    assert 1 in night.muted


def test_an_explicit_mute_without_expiry_stays_after_every_window(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.mute(1)
    assert (night.shown(1)["keep"], night.shown(1)["prior_muted"]) == (True, False)
    night.go("2026-03-05 12:00")
    assert night.muted == {1, 2}
    assert night.changes(1) == [True]


def test_a_mute_by_hand_during_the_window_of_a_chat_not_held_stays(night: Night) -> None:
    night.put("night", "19:00-08:00", chats={"only": ["chat3"]})
    night.go("2026-03-03 18:00")
    night.portal.mute_by_hand(ANN, 4)
    night.go("2026-03-04 07:00")
    assert night.muted == {2, 4}


@pytest.mark.parametrize("how", ["changed", "disabled", "deleted", "narrowed"])
def test_a_policy_changed_disabled_or_deleted_lets_go_at_once(night: Night, how: str) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    if how == "deleted":
        night.call("DELETE", "quiet-hours/night")
    elif how == "changed":
        night.put("night", "21:00-08:00")
    elif how == "disabled":
        night.put("night", "19:00-08:00", enabled=False)
    else:
        night.put("night", "19:00-08:00", chats={"all": True, "except": ["chat1", "chat3", "chat4", "547"]})
    night.stack.minute(at("2026-03-03 18:10"))
    assert night.muted == {2}


def test_a_skip_is_of_one_policys_running_window(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.put("other", "19:00-08:00", chats={"only": ["chat3"]})
    night.go("2026-03-03 18:00")
    night.call("POST", "quiet-hours/night/skip")
    night.go("2026-03-03 19:00")
    assert night.muted == {2, 3}
    night.go("2026-03-04 18:00")
    assert night.muted == {1, 2, 3, 4, 9}, "once"


def test_a_skip_is_else_of_the_next_window_and_can_be_taken_back(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.call("POST", "quiet-hours/night/skip")
    night.go("2026-03-03 20:00")
    assert night.muted == {2}
    night.call("DELETE", "quiet-hours/night/skip")
    night.go("2026-03-03 20:30")
    assert night.muted == {1, 2, 3, 4, 9}


def test_letting_go_of_all_is_an_explicit_unmute_of_each(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    assert night.call("DELETE", "holds") == {"releasing": 5}
    night.go("2026-03-04 06:59")
    assert night.muted == set()
    night.go("2026-03-04 18:00")
    assert night.muted == {1, 2, 3, 4, 9}


# ---- 6. fail open, and loudly ---------------------------------------------------------------------------------------


def test_releases_come_before_new_mutes(night: Night) -> None:
    night.put("evening", "19:00-22:00", chats={"only": ["chat1"]})
    night.put("late", "22:00-08:00", chats={"only": ["chat3"]})
    night.go("2026-03-03 21:00")
    calls = night.portal.calls_of("im.chat.mute")
    assert [(call.params["CHAT_ID"], call.params["MUTE"]) for call in calls] == [("1", "Y"), ("1", "N"), ("3", "Y")]


def test_releases_are_retried_until_they_succeed_and_counted_when_overdue(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.portal.faults.add(Fault.html(502), method="batch", times=None)
    night.go("2026-03-04 12:00")
    assert night.muted == {1, 2, 3, 4, 9}
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"ReleaseOverdue"' in line]
    assert metrics, "an alarm can ring"
    assert metrics[-1]["ReleaseOverdue"] == [4.0]
    night.portal.faults.clear()
    night.go("2026-03-04 12:16")
    assert night.muted == {2}


def test_releases_go_on_where_the_list_of_chats_cannot_be_read(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.portal.faults.add(Fault.error("ERROR_CORE", status=400), method="im.recent.list", in_batch=True, times=None)
    night.portal.faults.add(Fault.error("ERROR_CORE", status=400), method="im.dialog.get", in_batch=True, times=None)
    night.go("2026-03-04 07:00")
    assert night.muted == {2}


def test_if_the_webhooks_owner_has_changed_everything_stops(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.portal.change_webhook_owner(ANN, BEN)
    night.go("2026-03-04 12:00")
    assert night.portal.muted_chats(BEN) == set()
    assert night.portal.calls_of("im.chat.mute") == []


def test_a_new_chat_joins_at_the_next_look(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    night.portal.add_chat(7, members=[ANN])
    night.go("2026-03-03 18:14")
    assert 7 not in night.muted
    night.go("2026-03-03 18:15")
    assert 7 in night.muted
    night.go("2026-03-04 07:00")
    assert night.muted == {2}


# ---- 7. gentle ------------------------------------------------------------------------------------------------------


def test_fifty_commands_to_a_batch_and_one_list(night: Night) -> None:
    for chat_id in range(100, 220):
        night.portal.add_chat(chat_id, members=[ANN])
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    before = len(night.portal.calls)
    night.go("2026-03-03 18:00")
    assert [len(call.commands) for call in night.portal.calls[before:]] == [2, 50, 50, 24]


def test_a_second_look_at_a_quiet_night_is_one_request_and_writes_nothing_but_the_plan(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    before = len(night.portal.calls)
    night.stack.dynamodb.calls.clear()
    night.go("2026-03-03 18:15")
    assert len(night.portal.calls) == before + 1
    written = {name for name in night.stack.dynamodb.calls if name not in {"get_item", "query", "update_item"}}
    assert written == set()


def test_changes_are_counted_by_reason_and_by_what_invoked_us(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    for chat_id in range(100, 350):
        night.portal.add_chat(chat_id, members=[ANN])
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"ChatMuted.wanted"' in line]
    assert sum(sum(line["ChatMuted.wanted"]) for line in counted) == 254
    assert {line["trigger"] for line in counted} == {"queue"}


def test_an_overloaded_portal_is_asked_once_and_then_left_alone_for_15_minutes(night: Night) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 12:00")
    before = len(night.portal.calls)
    night.portal.faults.add(Fault.error("OVERLOAD_LIMIT", status=503), times=None)
    night.go("2026-03-03 18:14")
    assert len(night.portal.calls) == before + 1
    night.portal.faults.clear()
    night.go("2026-03-03 18:16")
    assert night.muted == {1, 2, 3, 4, 9}


def test_a_chat_that_fails_is_told_alone_and_the_others_are_muted(night: Night) -> None:
    night.portal.faults.add(Fault.error("ERROR_CORE"), method="im.chat.mute", in_batch=True, times=1)
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:00")
    assert len(night.muted) == 4
    night.go("2026-03-03 18:02")
    assert night.muted == {1, 2, 3, 4, 9}


def test_a_chat_the_portal_refuses_is_not_asked_for_again_in_that_window(night: Night) -> None:
    night.portal.faults.add(Fault.result(value=False), method="im.chat.mute", in_batch=True, times=1)
    night.put("night", "19:00-08:00", chats={"only": ["chat1"]})
    night.go("2026-03-04 06:59")
    assert night.told(1) == ["Y"]
    night.go("2026-03-04 18:00")
    assert night.told(1) == ["Y", "Y"]


def test_what_cannot_be_muted_is_reported_and_never_asked_for(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    night.portal.add_chat(8, members=[ANN], mutable=False)
    night.put("night", "19:00-08:00", chats={"only": ["chat8", "chat1", "chat4711"]})
    night.go("2026-03-03 18:00")
    assert night.muted == {1, 2}
    assert night.told(8) == night.told(4711) == []
    said = capsys.readouterr().out
    assert '"ChatUnsupported"' in said


@pytest.fixture(autouse=True)
def no_secret_is_stored_or_said(night: Night, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert WEBHOOK_MARK not in json.dumps(night.stack.dynamodb.items(STATE))
