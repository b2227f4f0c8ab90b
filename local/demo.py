"""`make demo`: the main job once, through every real part, and what it did to the portal's chats."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from local.paths import BUILD, EVENTS
from local.portal import Portal
from local.stack import Stack, running, wait_until
from local.terminal import paint, say
from local.world import ANN, DEAL, NOT_HERS, WORKGROUP_CHAT, bells, furnish

MUTE = "/default/im.chat.mute"


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

    def play(self) -> None:
        """All of it, in order."""
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

    def _muted(self) -> bool:
        return self._stack.portal.is_muted(ANN, DEAL)

    def _http(  # noqa: PLR0913, PLR0917  a request and what to expect of it
        self, name: str, method: str, path: str, body: Any, status: int, check: Callable[[Any], bool], *,
        headers: dict[str, str] | None = None, calls: int | None = None,
    ) -> None:  # fmt: skip
        say(paint(name, "bold"))
        say(f"  {method} {path} {json.dumps(body) if body is not None else ''} {headers or ''}".rstrip())
        before = len(self._stack.portal.calls)
        response = self._caller.call(method, path, body, headers)
        asked = len(self._stack.portal.calls) - before
        _show(response)
        ok = response.status_code == status and check(response.json()) and calls in {None, asked}
        self._done(name, response.status_code, asked, ok=ok)

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
        demo.play()
        after = bells(portal)
    say(paint(f"{'Chats of Ann':34}{'before':10}after", "bold"))
    for chat, bell in before.items():
        say(f"{chat:34}{bell:10}{after[chat]}")
    report = {"steps": [asdict(step) for step in demo.steps], "portal": {"before": before, "after": after}}
    BUILD.mkdir(exist_ok=True)
    (BUILD / "demo.json").write_text(json.dumps(report, indent=2) + "\n")
    failed = [step.name for step in demo.steps if not step.ok]
    say(
        f"\n{time.monotonic() - began:.1f} s; build/demo.json has the steps. " + (f"FAILED: {failed}" if failed else "")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
