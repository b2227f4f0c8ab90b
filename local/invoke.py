"""`make invoke EVENT=events/....json`: one event through the real runtime, on a stack of its own."""

import json
import sys
from pathlib import Path

from local.portal import Portal
from local.stack import fill, running
from local.terminal import paint, say
from local.world import ANN, bells, furnish


def main(arguments: list[str]) -> int:
    """Prints the function's result and its log. Returns 1 if the function raised, 2 without an event."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        say("usage: make invoke EVENT=events/api-mute-chat.json")
        return 2
    event = fill(json.loads(Path(arguments[0]).read_text()))
    portal = Portal()
    furnish(portal)
    with running(portal, log_level="DEBUG") as stack:
        stack.put_account("default", {"webhook_url": stack.server.webhook_url(ANN)})
        result = stack.invoke(event)
        for line in stack.log_lines():
            say(paint(line.rstrip(), "dim"))
        say(json.dumps(result, indent=2))
        for chat, bell in bells(portal).items():
            say(f"  {chat:34}{bell}")
    return 1 if isinstance(result, dict) and "errorType" in result else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
