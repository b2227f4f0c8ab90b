"""`make release-all STACK=...`: lets go of everything of every account, and waits until it is so."""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from local.ops.command import Patience, parser, run, say
from local.ops.stack import Deployed, Held, Refused

SETTLE_SECONDS = 130.0
"""The function's time-out, and a little."""
_AGAIN_SECONDS = 60.0
_EXPLAINED = 50


def release_all(stack: Deployed, patience: Patience, settle: float) -> dict[str, Held]:
    """Puts the stack into release-only mode, hurries every account, and waits until nothing is held.

    An account in trouble is hurried once a minute: otherwise its next look may be a quarter of an hour away. What began
    before the switch goes on as it began, so it is not over before that must have ended.

    Args:
        stack: which one.
        patience: how long to wait.
        settle: seconds after the switch in which old invocations may still mute.

    Returns:
        What is still held when the patience is over.
    """
    if stack.parameters["Mode"] != "RELEASE_ONLY" or stack.parameters["Deployment"] != "AllAtOnce":
        say("Mode=RELEASE_ONLY: nothing is muted from now on ...")
        # All at once: a canary would take minutes, and would be rolled back by the very alarms one may be here for.
        stack.change(Mode="RELEASE_ONLY", Deployment="AllAtOnce")
    hurried = shown = None
    while (held := stack.held()) or stack.age() < settle:
        if held and (hurried is None or time.monotonic() - hurried >= _AGAIN_SECONDS):
            hurried = time.monotonic() if _hurried(stack) else None
        if (now := _progress(held)) != shown:
            say(now)
            shown = now
        stack.tick()
        if not patience.wait() and held:
            return held
    return {}


def _progress(held: dict[str, Held]) -> str:
    if not held:
        return "nothing is held; waiting for what began before the switch"
    return f"still held: {sum(one.chats for one in held.values()):,} chats of {len(held):,} accounts"


def _hurried(stack: Deployed) -> bool:
    """Whether every account with holds is due now. DynamoDB may be asked too much at once: then it is tried again."""
    place: str | None = None
    try:
        while True:
            answer = stack.invoke({"release_all": True, **({"next": place} if place else {})})
            place = answer["next"]
            if place is None:
                return True
    except Refused as error:
        say(f"once more: {error}")
        return False


def explain(stack: Deployed, held: dict[str, Held]) -> None:
    """Says of each account that is stuck what is known about it."""
    for account, one in list(held.items())[:_EXPLAINED]:
        say(f"  {account}: {one.chats:,} chats, {_why(stack, account, one)}")
    if len(held) > _EXPLAINED:
        say(f"  and {len(held) - _EXPLAINED:,} more")


def _why(stack: Deployed, account: str, held: Held) -> str:
    try:
        answer: dict[str, Any] = stack.invoke({"check": account})
    except Refused as error:
        return f"its check failed: {error}"
    if answer["error"]:
        return f"{answer['error']}: see docs/operations.md, An account is broken"
    if others := held.owners - {(answer["portal"], answer["user_id"])}:
        whose = ", ".join(f"user {user} on {portal}" for portal, user in sorted(others))
        return f"held for {whose}, whom its secret does not name: `moved` or `forget`, see docs/operations.md"
    return "its portal answers: wait for the next look, or read the log"


def _work(stack: Deployed, arguments: Namespace) -> int:
    left = release_all(stack, Patience(arguments.minutes, arguments.poll), arguments.settle)
    if left:
        say("These are stuck; each is tried again by itself at least every quarter of an hour:")
        explain(stack, left)
        return 1
    say("Nothing is held. Deploy with Mode=NORMAL and quiet hours go on.")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1 if anything is still held."""
    arguments = parser(str(__doc__))
    add_settle(arguments)
    return run(_work, arguments.parse_args(argv))


def add_settle(arguments: ArgumentParser) -> None:
    """The option that `make remove` has too."""
    arguments.add_argument("--settle", type=float, default=SETTLE_SECONDS, help="seconds that old invocations may take")


if __name__ == "__main__":
    sys.exit(main())
