"""`make demo`: the main job once, then a night, through every real part, and what they did to the portal's chats.

The night is played in seconds: the time is passed in with each tick, which the local stack allows.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from local.paths import BUILD, EVENTS
from local.portal import Portal
from local.stack import Stack, running, wait_until
from local.terminal import paint, say
from local.world import ANN, DEAL, LUNCH, NOT_HERS, PRIVATE, WORKGROUP_CHAT, bells, furnish

MUTE = "/default/im.chat.mute"
POLICY = "/default/quiet-hours/night"
BERLIN = ZoneInfo("Europe/Berlin")
Bells = dict[str, str]


@dataclass
class Step:
    """One thing shown: what came back, how often the portal was asked for it, and whether it is what it should be."""

    name: str
    status: int
    portal_calls: int
    ok: bool


class Demo:
    """Plays the steps and keeps what they did."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._caller = stack.caller("ci")
        self._due = datetime.now(UTC)
        self.steps: list[Step] = []

    # ---- calls and schedules ----------------------------------------------------------------------------------------

    def play_day(self) -> None:
        """One chat, muted and unmuted by those who may, and by nobody else."""
        self._stack.put_account("default", {"webhook_url": self._stack.server.webhook_url(ANN)})
        say("The account `default` is a secret now: the webhook of Ann, user 503 of the simulated portal.\n")
        mute = {"CHAT_ID": DEAL, "MUTE": "Y"}
        once = {"Idempotency-Key": "deploy-42"}
        self._http("is the account usable?", "GET", "/default", None, 200, lambda body: body["usable"] is True)
        self._http("mute a chat over HTTPS", "POST", MUTE, mute, 200, lambda _: self._muted(), headers=once)
        self._http("the same Idempotency-Key again", "POST", MUTE, mute, 200, lambda _: self._muted(), headers=once,
                   calls=0)  # fmt: skip
        self._schedule("a schedule's event unmutes it", "schedule-unmute.json")
        self._schedule("the event delivered twice", "schedule-unmute.json", calls=0)
        self._refused("an input PHP would misread", {"CHAT_ID": "1489abc"}, 400, "CHAT_ID_EMPTY", calls=0)
        self._refused("a chat she is not in", {"CHAT_ID": NOT_HERS}, 403, "ACCESS_ERROR", calls=1)
        self._unsigned("a caller who does not sign", {"CHAT_ID": DEAL})
        self._http("a workgroup's chat, left muted", "POST", MUTE, {"DIALOG_ID": "sg7"}, 200,
                   lambda _: self._stack.portal.is_muted(ANN, WORKGROUP_CHAT), calls=1)  # fmt: skip

    # ---- a night ----------------------------------------------------------------------------------------------------

    def play_night(self) -> dict[str, Bells]:
        """A policy for two evenings; the first is skipped, the second is quiet, and in the morning all is as before."""
        say(paint("Now a night. Ann has muted the chat Lunch by hand.\n", "bold"))
        self._press(LUNCH, muted=True)
        seen = {"before": self._bells()}
        self._http("a policy for the next two evenings", "PUT", POLICY, _policy(), 201,
                   lambda policy: policy["next_change"]["muted"] is True, calls=0)  # fmt: skip
        preview = self._http("when will it be quiet?", "GET", f"{POLICY}/preview?days=4", None, 200,
                             lambda preview: len(preview["windows"]) == 2, calls=0)  # fmt: skip
        (first, _), (start, end) = [
            [datetime.fromisoformat(window[edge]) for edge in ("start", "end")] for window in preview["windows"]
        ]
        self._http("tomorrow Ann is on call: skip it once", "POST", f"{POLICY}/skip", None, 200,
                   lambda answer: datetime.fromisoformat(answer["skipped"]["start"]) == first, calls=0)  # fmt: skip
        self._tick("the evening that is skipped", first, seen["before"])
        muted = dict.fromkeys(self._names(DEAL, PRIVATE), "muted")
        seen["night"] = self._tick("the next evening: the window starts", start, {**seen["before"], **muted})
        say("Ann unmutes Ben's chat in Bitrix24 itself.\n")
        self._press(PRIVATE, muted=False)
        audible = dict.fromkeys(self._names(PRIVATE), "audible")
        seen["later"] = self._tick(
            "a quarter of an hour later it is left as she wants it", start + timedelta(minutes=15),
            {**seen["night"], **audible},
        )  # fmt: skip
        seen["after"] = self._tick("the window ends: all is as it was before", end, seen["before"])
        return seen

    def _press(self, chat: int, *, muted: bool) -> None:
        self._stack.portal.mute_by_hand(ANN, chat, muted=muted)

    def _bells(self) -> Bells:
        return bells(self._stack.portal)

    def _names(self, *chats: int) -> list[str]:
        return [name for name in self._bells() for chat in chats if name.endswith(f"(chat{chat})")]

    def _tick(self, name: str, at: datetime, expected: Bells) -> Bells:
        """The tick of that moment, and what the workers make of it."""
        say(paint(name, "bold"))
        before = len(self._stack.portal.calls)
        queued = self._stack.invoke_tick(at)
        ok = self._stack.wait_for_queue()
        asked = len(self._stack.portal.calls) - before
        now = self._bells()
        local = at.astimezone(BERLIN).strftime("%a %H:%M")
        say(f"  tick {local} {queued}; muted: {', '.join(chat for chat, bell in now.items() if bell == 'muted')}")
        self._done(name, 200, asked, ok=ok and queued == {"queued": 1} and now == expected)
        return now

    # ---- one step ---------------------------------------------------------------------------------------------------

    def _muted(self) -> bool:
        return self._stack.portal.is_muted(ANN, DEAL)

    def _http(  # noqa: PLR0917  a request and what to expect of it
        self, name: str, method: str, path: str, body: Any, status: int, check: Callable[[Any], bool], *,
        headers: dict[str, str] | None = None, calls: int | None = None,
    ) -> Any:  # fmt: skip
        say(paint(name, "bold"))
        say(f"  {method} {path} {json.dumps(body) if body is not None else ''} {headers or ''}".rstrip())
        before = len(self._stack.portal.calls)
        response = self._caller.call(method, path, body, headers)
        asked = len(self._stack.portal.calls) - before
        _show(response)
        body = response.json()
        ok = response.status_code == status and check(body) and calls in {None, asked}
        self._done(name, response.status_code, asked, ok=ok)
        return body

    def _refused(self, name: str, body: Any, status: int, code: str, *, calls: int) -> None:
        self._http(name, "POST", MUTE, body, status, lambda answer: answer["error"] == code, calls=calls)

    def _unsigned(self, name: str, body: Any) -> None:
        say(paint(name, "bold"))
        before = len(self._stack.portal.calls)
        response = self._stack.caller_with(None).call("POST", MUTE, body)
        _show(response)
        asked = len(self._stack.portal.calls) - before
        self._done(name, response.status_code, asked, ok=response.status_code == 403 and asked == 0)

    def _schedule(self, name: str, event: str, calls: int = 1) -> None:
        payload = json.loads((EVENTS / event).read_text())
        say(paint(name, "bold"))
        say(f"  events/{event} {json.dumps({key: payload[key] for key in ('account', 'DIALOG_ID', 'MUTE')})}")
        before = len(self._stack.portal.calls)
        handled = len(self._handled())
        self._stack.schedule(payload, self._due)
        ok = wait_until(lambda: len(self._handled()) > handled)
        asked = len(self._stack.portal.calls) - before
        say(f"  {paint('asynchronous', 'dim')}: chat{DEAL} is {'muted' if self._muted() else 'audible'}")
        self._done(name, 202, asked, ok=ok and not self._muted() and asked == calls)

    def _handled(self) -> list[str]:
        return [line for line in self._stack.log_lines() if '"trigger": "schedule"' in line]

    def _done(self, name: str, status: int, asked: int, *, ok: bool) -> None:
        self.steps.append(Step(name, status, asked, ok))
        verdict = paint("as it should be", "green") if ok else paint("NOT AS IT SHOULD BE", "red")
        say(f"  portal asked {asked} time{'' if asked == 1 else 's'}; {verdict}\n")


def _show(response: requests.Response) -> None:
    replayed = " (Idempotency-Replayed)" if response.headers.get("Idempotency-Replayed") else ""
    text = response.text if len(response.text) <= 160 else response.text[:157] + "..."
    say(f"  {paint(str(response.status_code), 'cyan')} {text}{replayed}")


def _policy() -> dict[str, Any]:
    """Quiet from 22:00 to 07:00 in Berlin, tomorrow and the day after: not now, whenever the demo is played."""
    today = datetime.now(BERLIN)
    days = [f"{today + timedelta(days=ahead):%a}".lower() for ahead in (1, 2)]
    return {
        "timezone": "Europe/Berlin",
        "windows": [{"days": days, "start": "22:00", "end": "07:00"}],
        "chats": {"all": True},
    }


def _table(title: str, columns: dict[str, Bells]) -> None:
    say(paint(f"{title:34}" + "".join(f"{name:10}" for name in columns).rstrip(), "bold"))
    for chat in next(iter(columns.values())):
        say(f"{chat:34}" + "".join(f"{shown[chat]:10}" for shown in columns.values()).rstrip())
    say()


def main() -> int:
    """Returns 0 if every step was as it should be."""
    began = time.monotonic()
    say(paint("Quiet Hours for Bitrix24, on this machine", "bold"))
    say("Building template.yaml's function and layers, deploying them into an AWS emulator on loopback ...")
    portal = Portal()
    furnish(portal)
    with running(portal) as stack:
        say(f"Up after {time.monotonic() - began:.1f} s: {stack.url}")
        before = bells(portal)
        demo = Demo(stack)
        demo.play_day()
        after = bells(portal)
        night = demo.play_night()
    _table("Ann's chats, by day", {"before": before, "after": after})
    _table("and in the night", night)
    report = {
        "steps": [asdict(step) for step in demo.steps],
        "portal": {"before": before, "after": after, "night": night},
    }
    BUILD.mkdir(exist_ok=True)
    (BUILD / "demo.json").write_text(json.dumps(report, indent=2) + "\n")
    failed = [step.name for step in demo.steps if not step.ok]
    verdict = f"FAILED: {failed}" if failed else "Everything was as it should be."
    say(f"{time.monotonic() - began:.1f} s; build/demo.json has the steps. {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
