"""`make invoke EVENT=events/....json`: events through the real runtime, in a row, on a stack of their own."""

import json
import sys
from pathlib import Path

from local.files import Unreadable, read_json
from local.portal import Portal
from local.stack import fill, running
from local.terminal import paint, say
from local.world import ANN, bells, furnish


def main(arguments: list[str]) -> int:
    """Prints the function's results and its log. Returns 1 if the function raised, 2 without an event."""
    if not arguments:
        say('usage: make invoke EVENT=events/api-mute-chat.json, or several: EVENT="events/....json events/....json"')
        return 2
    try:
        events = [read_json(Path(one)) for one in arguments]
    except Unreadable as error:
        say(str(error))
        return 2
    portal = Portal()
    furnish(portal)
    with running(portal, log_level="DEBUG") as stack:
        stack.put_account("default", {"webhook_url": stack.server.webhook_url(ANN)})
        results = []
        for event in events:
            results.append(stack.invoke(fill(event)))
            stack.wait_for_queue()
        for line in stack.log_lines():
            say(paint(line.rstrip(), "dim"))
        for result in results:
            say(json.dumps(result, indent=2))
        for chat, bell in bells(portal).items():
            say(f"  {chat:34}{bell}")
    return 1 if any(isinstance(result, dict) and "errorType" in result for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
