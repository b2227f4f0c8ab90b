"""`make real`: quiet hours on a real portal from this machine, with a webhook and without an AWS account.

    make real POLICY=docs/examples/night.json     # a policy, for as long as this runs
    make real HOURS=2                             # all chats, from now on

First a dry run, which changes nothing: who the webhook acts for, which chats would be muted, and when. Then a question.
The webhook is asked for, or read from WEBHOOK; it stays on this machine. While it runs, the local stack looks every
minute; when it ends (Ctrl-C), everything it keeps muted is let go of. Should it be killed instead, the next run finds
in `build/real/` what was audible before, and offers to put that right.
"""

import argparse
import getpass
import json
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.caller import Caller
from local.files import Unreadable, read_json
from local.paths import BUILD
from local.portal import Portal
from local.stack import Stack, running
from local.terminal import paint, progress, say

JOURNALS = BUILD / "real"
_EVERY_CHAT = {"all": True, "workgroups": True}
_ALWAYS = {"timezone": "UTC", "windows": [{"days": ["mon"], "start": "00:00", "end": "24:00"}]}
Ask = Callable[[str], bool]
Chat = dict[str, Any]
Policy = dict[str, Any]
_TRIES = 30
_WEBHOOK = re.compile(r"https://[^/\s]+/rest/[0-9]+/[^/\s]+/?")
NO_WEBHOOK = "That is no webhook: it looks like https://PORTAL/rest/USER_ID/CODE/. Nothing was changed."


class Refused(Exception):
    """The service has said no; the text says why."""


class Real:
    """One run on a portal.

    Args:
        stack: the local stack.
        caller: who may call it.
        account: which has the portal's webhook.
        ask: puts a question; whether the answer is yes.
    """

    def __init__(self, stack: Stack, caller: Caller, account: str, ask: Ask) -> None:
        self._stack = stack
        self._caller = caller
        self._account = account
        self._ask = ask

    # ---- before anything changes ------------------------------------------------------------------------------------

    def connect(self) -> Path:
        """Says who the webhook acts for. Returns where this user's journal is.

        Raises:
            Refused: the account cannot be used.
        """
        shown = self._call("GET", "")
        if not shown["usable"]:
            raise Refused(f"This webhook is not usable: {shown['error']}: docs/operations.md, An account is broken")
        say(f"Connected to {paint(shown['portal'], 'bold')} as user {shown['user_id']}.")
        return JOURNALS / f"{shown['portal'].replace(':', '-')}-{shown['user_id']}.json"

    def mend(self, journal: Path) -> None:
        """Puts right what a run that was killed has left muted, if it is wanted."""
        if not journal.exists():
            return
        before = json.loads(journal.read_text())
        left = [chat for chat in self._chats(_EVERY_CHAT) if chat["muted"] and chat["dialog_id"] in before["audible"]]
        if left:
            say(f"A run before this one did not let go: {len(left)} chats were audible then and are muted now.")
            _list(left)
            if not self._ask("Unmute them?"):
                return
            self._unmute(left)
        journal.unlink()

    def dry_run(self, policy: Policy) -> None:
        """Shows what would change."""
        meant = self._chats(policy.get("chats"))
        audible = [chat for chat in meant if chat["muted"] is False and chat["mutable"] is not False]
        muted = [chat for chat in meant if chat["muted"]]
        say(paint(f"\nDry run: {len(audible)} chats would be muted", "bold"))
        _list(audible)
        say(f"{len(muted)} are muted already and stay so; {len(meant) - len(audible) - len(muted)} take no mute.")
        windows = self._call("POST", "/quiet-hours/preview?days=2", policy)["windows"]
        for window in windows:
            note = f"  {window['note']}" if window["note"] else ""
            say(f"  quiet {window['local_start'] or 'always'} - {window['local_end'] or 'for ever'}{note}")
        if not windows:
            say("  no window in the next two days")

    def remember(self, journal: Path) -> None:
        """Writes down what is audible, before anything is muted."""
        chats = self._chats(_EVERY_CHAT)
        journal.parent.mkdir(parents=True, exist_ok=True)
        audible = [chat["dialog_id"] for chat in chats if chat["muted"] is False]
        journal.write_text(json.dumps({"audible": audible}, indent=1) + "\n")

    # ---- doing it ---------------------------------------------------------------------------------------------------

    def begin(self, policy: Policy) -> None:
        """Stores the policy: the next look does what it says."""
        self._call("PUT", "/quiet-hours/real", policy)

    def minute(self) -> int:
        """A tick and what the workers make of it. Returns how many chats are muted that were audible before."""
        self._stack.invoke_tick()
        while not self._stack.wait_for_queue(1):
            progress("working", self._held("held"), self._held())
        return self._held()

    def let_go(self) -> int:
        """Removes the policy and waits until the portal has been told. Returns how many chats are left."""
        self._call("DELETE", "/quiet-hours/real")
        total = left = self._held()
        for _ in range(_TRIES):
            left = self.minute()
            progress("let go", total - left, total)
            if not left:
                break
            time.sleep(10)
        return left

    def _unmute(self, chats: list[Chat]) -> None:
        names = [chat["dialog_id"] for chat in chats]
        for start in range(0, len(names), 1000):
            job = self._call("POST", "/mutes", {"chats": names[start : start + 1000], "mute": "N"})["job"]
            shown = self._call("GET", f"/jobs/{job}")
            while shown["state"] in {"queued", "running"}:
                self._stack.invoke_tick()
                self._stack.wait_for_queue(0.5)
                shown = self._call("GET", f"/jobs/{job}")
                progress("unmuted", shown["counts"]["done"], shown["counts"]["total"])
            if shown["counts"]["failed"]:
                say(f"  the portal refused {shown['counts']['failed']} of them")

    def _held(self, state: str | None = None) -> int:
        count, following = 0, ""
        while following is not None:
            page = self._call("GET", f"/holds{following and f'?next={following}'}")
            audible = [hold for hold in page["holds"] if not hold["prior_muted"]]
            count += sum(state in {None, hold["state"]} for hold in audible)
            following = page["next"]
        return count

    def _chats(self, selection: Any) -> list[Chat]:
        policy = {**_ALWAYS, "chats": selection}
        chats: list[Chat] = self._call("POST", "/quiet-hours/preview?days=1&chats=1", policy)["chats"]
        return chats

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = self._caller.call(method, f"/{self._account}{path}", body)
        if response.status_code >= 400:
            answer = response.json()
            raise Refused(f"{method} {path}: {answer['error']}: {answer['error_description']}")
        return response.json() if response.content else None


def run(real: Real, policy: Policy, ask: Ask, wait: Callable[[], bool]) -> int:
    """The whole of it: dry run, question, work, and letting go at the end.

    Args:
        real: the run.
        policy: what for.
        ask: puts a question.
        wait: waits for the next minute; False when it is time to end.

    Returns:
        0 if nothing is left muted that was audible before.
    """
    journal = real.connect()
    real.mend(journal)
    real.dry_run(policy)
    if not ask("Go on?"):
        say("Nothing was changed.")
        return 0
    real.remember(journal)
    left = 0
    try:
        real.begin(policy)
        shown = -1
        while True:
            if shown != (shown := real.minute()):
                say(f"{time.strftime('%H:%M')} {shown} chats are muted by this; Ctrl-C lets go of them and ends")
            if not wait():
                break
    except KeyboardInterrupt:  # in the middle of the work
        pass
    finally:
        say("\nLetting go of everything ...")
        left = real.let_go()
        if not left:
            journal.unlink()
    say(paint("Everything is as it was before.", "green") if not left else
        paint(f"{left} chats are still to be unmuted; run this again.", "red"))  # fmt: skip
    return 1 if left else 0


def for_hours(hours: int, now: datetime) -> Policy:
    """A policy for all chats that is quiet once, from the minute of ``now`` on."""
    window = {"start": f"{now:%H:%M}", "end": f"{now + timedelta(hours=hours, minutes=-(hours == 24)):%H:%M}"}
    return {"timezone": "UTC", "windows": [], "dates": {f"{now:%Y-%m-%d}": [window]}, "chats": {"all": True}}


def _list(chats: list[Chat], most: int = 20) -> None:
    for chat in chats[:most]:
        say(f"  {chat['dialog_id']:12} {chat['title'] or ''}")
    if len(chats) > most:
        say(f"  ... and {len(chats) - most} more")


def _yes(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except (EOFError, KeyboardInterrupt):
        say()
        return False


def _a_minute() -> bool:
    """Waits for the next whole minute; False on Ctrl-C."""
    try:
        time.sleep(60 - time.time() % 60)
    except KeyboardInterrupt:
        return False
    return True


def _read(path: Path) -> Policy:
    policy = read_json(path)
    if not isinstance(policy, dict):
        raise Unreadable(f"{path}: not a policy: docs/examples/night.json is one")
    return policy


def is_webhook(text: str) -> bool:
    """Whether it looks like one."""
    return _WEBHOOK.fullmatch(text) is not None


def _webhook() -> str:
    try:
        given = os.environ.get("WEBHOOK") or getpass.getpass("Webhook (https://PORTAL/rest/USER_ID/CODE/, not shown): ")
    except (EOFError, KeyboardInterrupt):
        given = ""
    if not is_webhook(given.strip()):
        raise Refused(NO_WEBHOOK)
    return given.strip()


def _hours(text: str) -> int:
    if text not in map(str, range(1, 25)):
        raise argparse.ArgumentTypeError(f"{text}: a whole number from 1 to 24 is meant")
    return int(text)


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make real",
        usage="make real POLICY=docs/examples/night.json, or make real HOURS=2; YES=1 does not ask",
        description="Quiet hours on a real portal, from this machine.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--policy", type=Path, help="a policy as JSON, e.g. docs/examples/night.json (POLICY=)")
    what.add_argument("--hours", type=_hours, metavar="1-24", help="all chats, from now on (HOURS=)")
    parser.add_argument("--yes", action="store_true", help="do not ask, after the dry run (YES=1)")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Returns 0 if nothing is left muted that was audible before."""
    arguments = _arguments(given)
    now = datetime.now(UTC)
    try:
        policy = _read(arguments.policy) if arguments.policy else for_hours(arguments.hours, now)
        webhook = _webhook()
    except (Unreadable, Refused) as error:
        say(paint(str(error), "red"))
        return 1
    ask = (lambda _question: True) if arguments.yes else _yes
    say("Starting the local stack ...")
    with running(Portal()) as stack:
        stack.put_account("default", {"webhook_url": webhook})
        real = Real(stack, stack.caller("you"), "default", ask)
        try:
            return run(real, policy, ask, _a_minute)
        except Refused as refusal:
            say(paint(str(refusal), "red"))
            return 1


if __name__ == "__main__":
    sys.exit(main())
