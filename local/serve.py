"""`make serve`: the stack, left running to play with.

`make serve WEBHOOK=https://PORTAL/rest/USER_ID/CODE/` gives the account `default` a real webhook, and so drives a real
portal from here; without one it is Ann's on the simulated portal.
"""

import os
import signal
import sys
import threading
from types import FrameType

from local.portal import Portal
from local.stack import running
from local.terminal import paint, say
from local.world import ANN, bells, furnish

FRONT_PORT = 8443


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
        credentials = stack.credentials("you")
        say(paint("Quiet Hours for Bitrix24 is up; Ctrl-C ends it.", "bold"))
        say(f"""
  export AWS_ACCESS_KEY_ID={credentials.access_key} AWS_SECRET_ACCESS_KEY={credentials.secret_key}
  curl --cacert {stack.ca_bundle} --aws-sigv4 aws:amz:eu-west-1:execute-api \\
    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -d '{{"CHAT_ID": 1489}}' \\
    {stack.url}/default/im.chat.mute
""")
        shown: dict[str, str] = {}
        while not ended.wait(0.5):
            now = bells(portal)
            for chat, bell in now.items():
                if shown and shown[chat] != bell:
                    say(f"  {chat} is {paint(bell, 'cyan')} now")
            shown = now
    say("ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
