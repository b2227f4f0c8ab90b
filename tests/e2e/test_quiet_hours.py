"""Quiet hours through everything real: HTTPS, gateway, runtime and role, FIFO queue, TLS to the portal.

A tick is about all accounts of the shared stack, so each test has an account, a user and chats of its own, and its
nights lie on days of its own, from a month ahead on; afterwards it removes its policies and holds, and a last tick
settles the account.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

from local.portal import Fault
from local.stack import SCHEDULE_ARN, wait_until
from local.world import BEN, NOT_HERS
from tests.e2e.conftest import Service

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_numbers = count(1)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Home:
    """A user of the portal with three chats, the last of them muted by hand, and the account that acts for them."""

    service: Service
    number: int
    account: str
    user: int
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def chats(self) -> list[int]:
        """Two that are audible, and one muted by hand."""
        return [20_000 + 10 * self.number + index for index in range(3)]

    @property
    def day(self) -> date:
        return datetime.now(UTC).date() + (30 + 3 * self.number) * DAY

    @property
    def muted(self) -> set[int]:
        return self.service.portal.muted_chats(self.user)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.service.call(method, f"/{self.account}/{path}", body, named)

    def put(self, name: str, **fields: Any) -> requests.Response:
        """A policy in UTC for two nights from `day` on, for all chats, unless it says otherwise."""
        night = [{"start": "22:00", "end": "06:00"}]
        dates = {(self.day + ahead * DAY).isoformat(): night for ahead in (0, 1)}
        policy = {"timezone": "UTC", "windows": [], "dates": dates, "chats": {"all": True}, **fields}
        return self.call("PUT", f"quiet-hours/{name}", policy)

    def night(self, ahead: int = 0) -> tuple[datetime, datetime]:
        start = datetime.combine(self.day + ahead * DAY, datetime.min.time(), UTC) + 22 * HOUR
        return start, start + 8 * HOUR

    def mute(self, chat: int, **fields: Any) -> requests.Response:
        return self.call("POST", "im.chat.mute", {"CHAT_ID": chat, **fields})

    def holds(self) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self.call("GET", "holds").json()["holds"]
        return held

    def shown(self, chat: int) -> Any:
        return self.call("GET", f"chats/chat{chat}").json()

    def job(self, made: requests.Response) -> Any:
        return self.call("GET", f"jobs/{made.json()['job']}").json()

    def tick(self, at: datetime | None = None) -> set[int]:
        """The tick of that moment and what the workers make of it: the chats that are muted then."""
        self.now = max(self.now, at or datetime.now(UTC))
        assert "queued" in self.service.stack.invoke_tick(at)
        assert self.service.stack.wait_for_queue()
        return self.muted


@pytest.fixture
def make_home(service: Service, new_account: Callable[..., str]) -> Iterator[Callable[[], Home]]:
    service.portal.faults.clear()
    homes = []

    def make() -> Home:
        number = next(_numbers)
        user = 2_000 + number
        service.portal.add_user(user, f"User {number}")
        home = Home(service, number, new_account(user_id=user), user)
        for chat in home.chats:
            service.portal.add_chat(chat, members=[user, BEN], title=f"Deal {chat}")
        service.portal.mute_by_hand(user, home.chats[2])
        homes.append(home)
        return home

    yield make
    service.portal.faults.clear()
    for home in homes:
        for policy in home.call("GET", "quiet-hours").json()["policies"]:
            home.call("DELETE", f"quiet-hours/{policy['name']}")
        home.call("DELETE", "holds")
        home.tick(home.now + MINUTE)
        assert home.holds() == []


@pytest.fixture
def home(make_home: Callable[[], Home]) -> Home:
    return make_home()


def refused(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


# ---- policies over HTTPS --------------------------------------------------------------------------------------------


def test_a_policy_is_stored_shown_changed_and_removed_by_its_version(home: Home) -> None:
    new = home.put("night")
    assert (new.status_code, new.json()["name"], new.json()["enabled"]) == (201, "night", True)
    assert new.json()["next_change"] == {"at": stamp(home.night()[0]), "muted": True}
    seen = home.call("GET", "quiet-hours/night")
    assert (seen.json(), seen.headers["ETag"]) == (new.json(), new.headers["ETag"])
    changed = home.put("night", enabled=False)
    assert (changed.status_code, changed.json()["next_change"]) == (200, None)
    assert changed.headers["ETag"] != new.headers["ETag"]
    stale = home.call("DELETE", "quiet-hours/night", If_Match=new.headers["ETag"])
    assert refused(stale) == (412, "PRECONDITION_FAILED")
    document = {"timezone": "UTC", "windows": [], "dates": {"2026-01-01": []}, "chats": {"all": True}}
    taken = home.call("PUT", "quiet-hours/night", document, If_None_Match="*")
    assert refused(taken) == (412, "PRECONDITION_FAILED")
    assert [policy["name"] for policy in home.call("GET", "quiet-hours").json()["policies"]] == ["night"]
    gone = home.call("DELETE", "quiet-hours/night", If_Match=changed.headers["ETag"])
    assert (gone.status_code, gone.text) == (204, "")
    assert refused(home.call("GET", "quiet-hours/night")) == (404, "NOT_FOUND")


EVERY_DAY = {"days": ["mon"], "start": "22:00", "end": "06:00"}
POLICY = {"timezone": "Europe/Berlin", "windows": [EVERY_DAY], "chats": {"all": True}}
DEEP = b'{"chats": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({**POLICY, "timezone": "Europe/Atlantis"}, 422, "INVALID_POLICY", "timezone: must be the IANA name"),
        ({**POLICY, "windows": []}, 422, "INVALID_POLICY", "windows: may be empty only beside dates"),
        ({**POLICY, "windows": [{**EVERY_DAY, "end": "22:00"}]}, 422, "INVALID_POLICY", "windows[0].end: must differ"),
        ({**POLICY, "windows": [{**EVERY_DAY, "days": ["moon"]}]}, 422, "INVALID_POLICY", "windows[0].days[0]: must"),
        ({**POLICY, "windows": [{**EVERY_DAY, "start": "24:00"}]}, 422, "INVALID_POLICY", "windows[0].start: must"),
        ({**POLICY, "dates": {"2026-02-30": []}}, 422, "INVALID_POLICY", "dates.2026-02-30: must be a date"),
        ({**POLICY, "chats": {"all": True, "only": ["chat1"]}}, 422, "INVALID_POLICY", 'chats: only one of "only"'),
        ({**POLICY, "colour": "blue"}, 422, "INVALID_POLICY", "colour: unknown field"),
        ({**POLICY, "windows": [EVERY_DAY] * 65}, 422, "INVALID_POLICY", "windows: at most 64"),
        ({}, 422, "INVALID_POLICY", "timezone: is needed"),
        (b"{", 400, "INVALID_PARAMETER", "body: not JSON"),
        (b'{"chats": 1, "chats": 2}', 400, "INVALID_PARAMETER", "chats"),
        (DEEP, 400, "INVALID_PARAMETER", "body: too deeply nested"),
        (b'{"note": "' + b"x" * 10_000_000 + b'"}', 413, "TOO_LARGE", "256 KiB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_policy_that_makes_no_sense_is_refused_with_field_and_reason(  # noqa: PLR0917
    service: Service, account: str, body: Any, status: int, code: str, says: str
) -> None:
    answer = service.call("PUT", f"/{account}/quiet-hours/night", body)
    assert refused(answer) == (status, code)
    assert says in answer.json()["error_description"]
    assert service.call("GET", f"/{account}/quiet-hours").json() == {"policies": []}


def test_a_preview_tells_windows_clocks_and_chats_and_stores_nothing(home: Home) -> None:
    hers = [f"chat{chat}" for chat in home.chats]
    policy = {
        "timezone": "Europe/Berlin",
        "windows": [{"days": ["sat"], "start": "22:00", "end": "02:30"}],
        "chats": {"only": [*hers, f"chat{NOT_HERS}"]},
    }
    path = "quiet-hours/preview?from=2027-03-27&days=2&chats=1"
    preview = home.call("POST", path, policy).json()
    assert preview["windows"] == [
        {
            "start": "2027-03-27T21:00:00Z",
            "end": "2027-03-28T01:00:00Z",
            "local_start": "2027-03-27T22:00:00+01:00",
            "local_end": "2027-03-28T03:00:00+02:00",
            "note": "clocks go forward by 60 min at 2027-03-28 02:00",
        }
    ]
    states = {chat["dialog_id"]: (chat["muted"], chat["mutable"]) for chat in preview["chats"]}
    assert [states[name][0] for name in hers] == [False, False, True]
    assert states[f"chat{NOT_HERS}"] == (None, False)
    assert home.call("GET", "quiet-hours").json() == {"policies": []}
    home.call("PUT", "quiet-hours/night", policy)
    saved = home.call("GET", "quiet-hours/night/preview?from=2027-03-27&days=2").json()
    assert saved == {**preview, "chats": None}


def test_a_week_as_a_picture_comes_through_the_gateway_as_it_is(home: Home) -> None:
    home.put("night", chats={"all": True, "title": "Caf\u00e9 <*>"})
    shown = home.call("GET", f"quiet-hours/night/preview?from={home.day}&days=7", Accept="image/svg+xml")
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    root = ET.fromstring(shown.content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "all chats titled Caf\u00e9 <*>" in "".join(root.itertext())
    assert home.call("GET", "quiet-hours/night/preview", Accept="*/*").json()["timezone"] == "UTC"


def test_a_caller_granted_one_account_cannot_touch_anothers_policies(make_home: Callable[[], Home]) -> None:
    home, other = make_home(), make_home()
    other.put("night")
    service = home.service
    caller = service.stack.caller(f"nights-of-{home.account}", f"*/{home.account}/*")
    assert service.call_as(caller, "PUT", f"/{home.account}/quiet-hours/night", POLICY).status_code == 201
    for method, path, body in [
        ("GET", "quiet-hours", None),
        ("PUT", "quiet-hours/night", POLICY),
        ("POST", "quiet-hours/night/skip", None),
        ("DELETE", "quiet-hours/night", None),
        ("DELETE", "holds", None),
        ("POST", "mutes", {"chats": ["chat1"]}),
    ]:
        assert service.call_as(caller, method, f"/{other.account}/{path}", body).status_code == 403
    assert other.call("GET", "quiet-hours/night").json()["timezone"] == "UTC"


# ---- nights ---------------------------------------------------------------------------------------------------------


def test_a_night_is_skipped_and_another_ends_with_exactly_what_was_before(home: Home) -> None:
    first, second, by_hand = home.chats
    home.put("night")
    (skipped, skipped_end), (start, end) = home.night(), home.night(1)
    answer = home.call("POST", "quiet-hours/night/skip")
    assert answer.json() == {"skipped": {"start": stamp(skipped), "end": stamp(skipped_end)}}
    assert home.tick(skipped) == {by_hand}
    assert home.tick(start - MINUTE) == {by_hand}
    assert home.tick(start) == {first, second, by_hand}
    assert [(hold["owners"], hold["prior_muted"]) for hold in home.holds()] == [
        (["policy:night"], False), (["policy:night"], False), (["policy:night"], True),
    ]  # fmt: skip
    home.service.portal.mute_by_hand(home.user, second, muted=False)
    late = home.service.portal.add_chat(members=[home.user], title="Late").id
    assert home.tick(start + 15 * MINUTE) == {first, late, by_hand}, "hers stays audible, a new chat joins"
    assert home.tick(end - MINUTE) == {first, late, by_hand}
    assert home.tick(end) == {by_hand}
    assert home.holds() == []


def test_a_tick_delivered_twice_or_late_changes_nothing(home: Home) -> None:
    first, second, by_hand = home.chats
    home.put("night")
    start, end = home.night()
    home.tick(start)
    calls = len(home.service.portal.calls_of("im.chat.mute"))
    assert home.tick(start) == {first, second, by_hand}
    assert home.tick(end) == {by_hand}
    assert home.tick(start + HOUR) == {by_hand}, "a late one finds nothing due"
    assert len(home.service.portal.calls_of("im.chat.mute")) == calls + 2


def test_a_window_that_runs_now_an_explicit_unmute_in_it_and_its_skip(home: Home) -> None:
    first, second, by_hand = home.chats
    today = datetime.now(UTC).date()
    whole = [{"start": "00:00", "end": "24:00"}]
    home.put("now", dates={(today + ahead * DAY).isoformat(): whole for ahead in (0, 1)})
    assert home.tick() == {first, second, by_hand}
    ends = [stamp(datetime.combine(today + ahead * DAY, datetime.min.time(), UTC)) for ahead in (2, 3)]
    shown = home.shown(first)
    assert (shown["muted"], shown["mutable"], shown["prior_muted"]) == (True, True, False)
    assert [hold["owner"] for hold in shown["holds"]] == ["policy:now"]
    assert shown["next_change"]["muted"] is False
    assert shown["next_change"]["at"] in ends
    assert home.shown(by_hand)["next_change"] is None
    assert home.mute(first, MUTE="N").status_code == 200
    assert home.muted == {second, by_hand}
    assert (home.shown(first)["overridden_until"] in ends, home.shown(first)["holds"]) == (True, [])
    assert home.tick() == {second, by_hand}, "people win until the window ends"
    assert home.mute(second).status_code == 200
    assert home.call("POST", "quiet-hours/now/skip").status_code == 200
    assert home.tick() == {second, by_hand}, "what somebody has muted explicitly stays so"
    assert home.call("DELETE", "quiet-hours/now/skip").status_code == 204


def test_dead_letters_that_are_redriven_again_and_again_change_nothing(home: Home) -> None:
    """docs/operations.md says so."""
    home.put("night")
    start, end = home.night()
    home.tick(start)
    home.tick(end)
    calls = len(home.service.portal.calls)
    sqs, url = home.service.stack.emulator.client("sqs"), home.service.stack.outputs["AccountQueueUrl"]
    message = json.dumps({"account": home.account, "at": stamp(start)})
    for again in range(2):
        sqs.send_message(
            QueueUrl=url, MessageBody=message, MessageGroupId="portal", MessageDeduplicationId=f"{home.account}-{again}"
        )
        assert home.service.stack.wait_for_queue()
    assert len(home.service.portal.calls) == calls
    assert home.muted == {home.chats[2]}


def test_a_policy_that_is_removed_lets_go_at_the_next_tick(home: Home) -> None:
    home.put("night")
    start, _ = home.night()
    assert len(home.tick(start)) == 3
    home.call("DELETE", "quiet-hours/night")
    assert home.tick(start + MINUTE) == {home.chats[2]}


def test_a_portal_that_is_down_at_the_windows_end_lets_go_as_soon_as_it_is_back(home: Home) -> None:
    home.put("night")
    start, end = home.night()
    muted = home.tick(start)
    home.service.portal.faults.add(Fault.error("SOMETHING_DOWN", status=500), method="batch", times=None)
    assert home.tick(end) == muted
    assert home.tick(end + 2 * MINUTE) == muted
    home.service.portal.faults.clear()
    assert home.tick(end + 6 * MINUTE) == {home.chats[2]}


def test_a_mute_that_the_portal_refuses_is_not_asked_for_again_in_that_window(home: Home) -> None:
    first, second, by_hand = home.chats
    home.put("night")
    (start, end), (next_start, _) = home.night(), home.night(1)

    def asked() -> int:
        calls = home.service.portal.calls_of("im.chat.mute")
        return sum(str(call.params.get("CHAT_ID")) == str(first) for call in calls)

    refusal = Fault.error("ACCESS_ERROR", "This chat cannot be muted", status=403)
    home.service.portal.faults.add(refusal, method="im.chat.mute", params={"CHAT_ID": first}, times=None, in_batch=True)
    assert home.tick(start) == {second, by_hand}
    assert asked() == 1
    assert home.tick(start + 15 * MINUTE) == {second, by_hand}
    assert asked() == 1
    home.service.portal.faults.clear()
    assert home.tick(end) == {by_hand}
    assert home.tick(next_start) == {first, second, by_hand}, "the next night asks again"


def test_a_webhook_that_acts_for_somebody_else_stops_all_work(home: Home) -> None:
    home.put("night")
    start, end = home.night()
    muted = home.tick(start)
    bens = home.service.portal.muted_chats(BEN)
    calls = len(home.service.portal.calls_of("im.chat.mute"))
    home.service.portal.change_webhook_owner(home.user, BEN)
    assert home.tick(end) == muted
    assert home.tick(end + 30 * MINUTE) == muted
    assert len(home.service.portal.calls_of("im.chat.mute")) == calls
    assert home.service.portal.muted_chats(BEN) == bens
    home.service.portal.change_webhook_owner(home.user, home.user)
    assert home.tick(end + HOUR) == {home.chats[2]}


# ---- one chat for a time, holds -------------------------------------------------------------------------------------


def test_a_mute_for_a_time_ends_by_a_tick_and_leaves_a_mute_by_hand(home: Home) -> None:
    first, second, by_hand = home.chats
    answer = home.mute(first, FOR="PT2H", REASON="deploying")
    assert answer.status_code == 200
    until = datetime.fromisoformat(answer.json()["until"])
    assert timedelta(hours=2) - MINUTE < until - datetime.now(UTC) <= timedelta(hours=2)
    assert home.mute(second, UNTIL=stamp(until + HOUR)).json()["until"] == stamp(until + HOUR)
    assert home.mute(by_hand, FOR="PT2H").status_code == 200
    assert home.muted == {first, second, by_hand}
    (hold,) = home.shown(first)["holds"]
    assert (hold["owner"].endswith(":user/tests"), hold["until"], hold["reason"]) == (True, stamp(until), "deploying")
    assert home.tick(until - MINUTE) == {first, second, by_hand}
    assert home.tick(until + MINUTE) == {second, by_hand}
    assert home.tick(until + HOUR + MINUTE) == {by_hand}


def test_letting_go_of_everything_at_once(home: Home) -> None:
    home.mute(home.chats[0], FOR="PT2H")
    home.mute(home.chats[1], FOR="P1D")
    assert {hold["chat_id"] for hold in home.holds()} == set(home.chats[:2])
    answer = home.call("DELETE", "holds")
    assert (answer.status_code, answer.json()) == (202, {"releasing": 2})
    assert home.tick() == {home.chats[2]}
    assert home.holds() == []


def test_a_schedules_mute_for_a_time_counts_from_when_it_was_due(home: Home) -> None:
    chat, now = home.chats[0], datetime.now(UTC).replace(microsecond=0)
    stack = home.service.stack
    due = {"schedule": "<aws.scheduler.schedule-arn>", "at": "<aws.scheduler.scheduled-time>"}
    payload = {"account": home.account, "DIALOG_ID": f"chat{chat}", "FOR": "PT2H", **due}
    at = now - timedelta(minutes=home.number)  # a run of its own
    assert stack.invoke_schedule(payload, at)["until"] == stamp(at + 2 * HOUR)
    assert [hold["owner"] for hold in home.shown(chat)["holds"]] == [f"schedule:{SCHEDULE_ARN.rpartition('/')[2]}"]
    assert home.tick(at + 2 * HOUR) == {home.chats[2]}
    assert stack.invoke_schedule(payload, at - 3 * HOUR) == {"result": False}, "delivered when it was over"
    assert home.muted == {home.chats[2]}
    assert stack.dead_letters() == []


def test_forgetting_ends_holds_without_a_word_to_the_portal(home: Home) -> None:
    home.mute(home.chats[0], FOR="PT2H")
    before = home.service.asked()
    who = {"portal": home.service.stack.server.url.removeprefix("https://"), "user_id": home.user}
    assert home.service.stack.invoke({"forget": home.account, **who, "user_id": BEN}) == {"forgotten": 0}
    assert home.service.stack.invoke({"forget": home.account, **who}) == {"forgotten": 1}
    assert home.service.asked() == before
    assert home.holds() == []
    assert home.tick(home.now + 3 * HOUR) == {home.chats[0], home.chats[2]}


# ---- many chats -----------------------------------------------------------------------------------------------------


def test_many_chats_are_muted_by_a_job_that_tells_each(home: Home) -> None:
    many = [home.service.portal.add_chat(members=[home.user]).id for _ in range(118)]
    body = {"chats": [f"chat{chat}" for chat in [*many, NOT_HERS, home.chats[2]]], "for": "PT3H", "reason": "quiet"}
    made = home.call("POST", "mutes", body, Idempotency_Key=f"many-{home.number}")
    assert (made.status_code, made.json()["chats"]) == (202, 120)
    assert made.headers["Location"] == f"/{home.account}/jobs/{made.json()['job']}"
    again = home.call("POST", "mutes", body, Idempotency_Key=f"many-{home.number}")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (made.json(), "true")
    assert home.job(made)["state"] == "queued"
    assert home.tick() == {*many, home.chats[2]}
    job = home.job(made)
    assert (job["state"], job["counts"]) == ("done", {"total": 120, "done": 119, "failed": 1})
    assert (len(job["outcomes"]), job["next"]) == (100, "100")
    rest = home.call("GET", f"jobs/{made.json()['job']}?next=100").json()["outcomes"]
    assert [one for one in rest if one["error"]] == [
        {"dialog_id": f"chat{NOT_HERS}", "result": False, "error": "ACCESS_ERROR"}
    ]
    assert home.tick(datetime.now(UTC) + 3 * HOUR + MINUTE) == {home.chats[2]}


def test_a_job_is_cancelled_before_it_begins_and_unknown_ones_are_not_found(home: Home) -> None:
    made = home.call("POST", "mutes", {"chats": {"all": True, "title": "Deal *"}})
    assert (made.status_code, made.json()["chats"]) == (202, None)
    assert home.call("DELETE", f"jobs/{made.json()['job']}").status_code == 204
    assert home.tick() == {home.chats[2]}
    assert home.job(made)["state"] == "cancelled"
    assert refused(home.call("GET", "jobs/0123456789abcdef")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({"chats": [f"chat{number}" for number in range(1, 1002)]}, 413, "TOO_LARGE", "1,000 chats"),
        ({"chats": []}, 400, "INVALID_PARAMETER", "chats"),
        ({"chats": ["chat1", "deal"]}, 400, "INVALID_PARAMETER", "chats[1]"),
        ({"chats": ["chat1"], "mute": "N", "for": "PT1H"}, 400, "INVALID_PARAMETER", "for"),
        ({"chats": ["chat1"], "MUTE": "Y"}, 400, "INVALID_PARAMETER", "MUTE"),
        ({}, 400, "INVALID_PARAMETER", "chats"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(  # noqa: PLR0917
    service: Service, account: str, body: Any, status: int, code: str, says: str
) -> None:
    answer = service.call("POST", f"/{account}/mutes", body)
    assert refused(answer) == (status, code)
    assert says in answer.json()["error_description"]


# ---- what is left behind --------------------------------------------------------------------------------------------


def test_each_change_leaves_a_line_that_says_who_what_and_why(home: Home) -> None:
    home.put("night")
    start, end = home.night()
    home.tick(start)
    home.tick(end)
    chat = f"chat{home.chats[0]}"

    def told() -> list[tuple[str, ...]]:
        logged = [json.loads(line) for line in home.service.stack.log_lines() if f'"{chat}"' in line]
        changes = [line for line in logged if line.get("message") == "chat set" and line["account"] == home.account]
        return [(line["trigger"], line["by"], line["mute"], line["because"]) for line in changes]

    expected = [("queue", "policy:night", "Y", "wanted"), ("queue", "policy:night", "N", "let_go")]
    assert wait_until(lambda: told() == expected), told()
