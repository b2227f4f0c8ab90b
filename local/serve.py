"""`make serve`: the stack, left running to play with; every minute it ticks, so policies and mutes for a time work.

It opens a page on loopback (see `local.console`), and says lines to paste into another terminal.

`make serve WEBHOOK=https://PORTAL/rest/USER_ID/CODE/` gives the account `default` a real webhook, and so drives a real
portal from here; without one it is Ann's on the simulated portal.
"""

import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

from local.console import Console
from local.portal import Portal
from local.real import NO_WEBHOOK, is_webhook
from local.stack import Stack, running
from local.terminal import paint, say
from local.world import ANN, bells, furnish

FRONT_PORT, CONSOLE_PORT = 8443, 8400
_POLICY = (
    '{"timezone": "Europe/Berlin", "windows": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],'
    ' "start": "06:00", "end": "05:00"}], "chats": {"all": true}}'
)


def main() -> int:
    """Runs until Ctrl-C or SIGTERM. Returns 1 if another one runs already, or WEBHOOK is none."""
    webhook = os.environ.get("WEBHOOK")
    if webhook and not is_webhook(webhook):
        sys.stderr.write(f"{NO_WEBHOOK}\n")
        return 1
    for port in (FRONT_PORT, CONSOLE_PORT):
        if is_taken(port):
            sys.stderr.write(f"Port {port} is taken, by another `make serve` perhaps: end that first.\n")
            return 1
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    portal = Portal()
    furnish(portal)
    with (
        running(portal, front_port=FRONT_PORT) as stack,
        Console(stack, user=None if webhook else ANN, port=CONSOLE_PORT) as console,
    ):
        stack.put_account("default", {"webhook_url": webhook or stack.server.webhook_url(ANN)})
        say(paint("Quiet Hours for Bitrix24 is up; Ctrl-C ends it.", "bold"))
        say(f"\n  To look at: {paint(console.url, 'cyan')}")
        say(_how_to(stack))
        shown: dict[str, str] = {}
        minute = -1
        while not ended.wait(0.5):
            if minute != (minute := int(time.time() // 60)) and not console.travelling:
                stack.tick()
            now = bells(portal)
            for chat, bell in now.items():
                if shown and shown[chat] != bell:
                    say(f"  {chat} is {paint(bell, 'cyan')} now")
            shown = now
    say("ended")
    return 0


def is_taken(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the servers do: one that has just ended is none
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _how_to(stack: Stack) -> str:
    """Lines to paste into another terminal."""
    credentials = stack.credentials("you")
    return f"""
  API={stack.url}/default
  call() {{ curl --silent --cacert {stack.ca_bundle} --aws-sigv4 aws:amz:eu-west-1:execute-api \\
    --user {credentials.access_key}:{credentials.secret_key} "$@"; echo; }}

  # one chat, as Bitrix24 does; and one for three minutes
  call $API/im.chat.mute -d '{{"CHAT_ID": 1489}}'
  call $API/im.chat.mute -d '{{"CHAT_ID": 1490, "FOR": "PT3M", "REASON": "tea"}}'
  # a policy, quiet but for an hour at five in the morning: the next minute's tick mutes
  call $API/quiet-hours/tea -X PUT -d '{_POLICY}'
  call "$API/quiet-hours/tea/preview?days=2"
  # what is kept muted, and for whom; one chat, why, and when that changes
  call $API/holds
  call $API/chats/547
  # not this time; and no more: within a minute all is as it was
  call $API/quiet-hours/tea/skip -X POST
  call $API/quiet-hours/tea -X DELETE
"""


if __name__ == "__main__":
    sys.exit(main())
