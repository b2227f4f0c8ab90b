"""`make serve`: the stack, left running to play with; every minute it ticks, so policies and mutes for a time work.

`make serve WEBHOOK=https://PORTAL/rest/USER_ID/CODE/` gives the account `default` a real webhook, and so drives a real
portal from here; without one it is Ann's on the simulated portal.
"""

import os
import signal
import sys
import threading
import time
from types import FrameType

from local.portal import Portal
from local.stack import Stack, running
from local.terminal import paint, say
from local.world import ANN, bells, furnish

FRONT_PORT = 8443
_POLICY = (
    '{"timezone": "Europe/Berlin", "windows": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],'
    ' "start": "00:00", "end": "24:00"}], "chats": {"all": true}}'
)


def main() -> int:
    """Runs until Ctrl-C or SIGTERM."""
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    portal = Portal()
    furnish(portal)
    with running(portal, front_port=FRONT_PORT) as stack:
        stack.put_account("default", {"webhook_url": os.environ.get("WEBHOOK") or stack.server.webhook_url(ANN)})
        say(paint("Quiet Hours for Bitrix24 is up; Ctrl-C ends it.", "bold"))
        say(_how_to(stack))
        shown: dict[str, str] = {}
        minute = -1
        while not ended.wait(0.5):
            if minute != (minute := int(time.time() // 60)):
                stack.tick()
            now = bells(portal)
            for chat, bell in now.items():
                if shown and shown[chat] != bell:
                    say(f"  {chat} is {paint(bell, 'cyan')} now")
            shown = now
    say("ended")
    return 0


def _how_to(stack: Stack) -> str:
    """Lines to paste into another terminal."""
    credentials = stack.credentials("you")
    return f"""
  API={stack.url}/default
  call() {{ curl --silent --cacert {stack.ca_bundle} --aws-sigv4 aws:amz:eu-west-1:execute-api \\
    --user {credentials.access_key}:{credentials.secret_key} "$@"; echo; }}

  call $API/im.chat.mute -d '{{"CHAT_ID": 1489}}'                                # now, as Bitrix24 does
  call $API/im.chat.mute -d '{{"CHAT_ID": 1489, "FOR": "PT3M", "REASON": "tea"}}'  # audible again in three minutes
  call $API/quiet-hours/now -X PUT -d '{_POLICY}'  # quiet from the next minute on
  call $API/quiet-hours/now/preview?days=2
  call $API/holds                                                              # what is kept muted, and for whom
  call $API/chats/547                                                          # why, and when that changes
  call $API/quiet-hours/now/skip -X POST                                       # not this time
  call $API/quiet-hours/now -X DELETE                                          # within a minute all is as it was
"""


if __name__ == "__main__":
    sys.exit(main())
