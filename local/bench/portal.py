"""The portal of a benchmark, in a process of its own: settings as JSON in the first argument, its end by closed stdin.

Prints one JSON line when it is ready (``{"webhook", "ca"}``) and one when it ends, with what it has counted.
"""

import json
import sys
import threading
from pathlib import Path

from local.certificates import Authority
from local.portal import Limits, Portal, PortalServer, Quirks, Request, dispatch

USER, NEIGHBOUR = 1, 2
FIRST_CHAT = 1001


def main(arguments: list[str]) -> int:
    """Serves until stdin is closed."""
    settings = json.loads(arguments[0])
    portal = Portal(
        limits=Limits(burst=settings["burst"], per_second=settings["per_second"]),
        quirks=Quirks(rejected_calls_count=settings["rejected_calls_count"]),
    )
    portal.add_user(USER)
    portal.add_user(NEIGHBOUR)
    portal.add_webhook(USER)
    portal.add_webhook(NEIGHBOUR)
    for number in range(FIRST_CHAT, FIRST_CHAT + settings["chats"]):
        portal.add_chat(number, members=[USER])
    authority = Authority(Path(settings["folder"]))
    server = PortalServer(
        portal, authority.server_context(), latency=settings["latency"], command_latency=settings["command_latency"]
    )
    ended = threading.Event()
    neighbour = threading.Thread(target=_disturb, args=(portal, settings["neighbour"], ended), daemon=True)
    with server:
        neighbour.start()
        _say({"webhook": server.webhook_url(USER), "ca": str(authority.bundle)})
        sys.stdin.read()
        ended.set()
        _say(
            {
                "requests": server.requests,
                "connections": server.connections,
                "throttled": sum(call.status == 503 for call in portal.calls if call.method != "server.time"),
                "muted": len(portal.muted_chats(USER)),
            }
        )
    return 0


def _disturb(portal: Portal, per_second: float, ended: threading.Event) -> None:
    """Somebody else on the same portal, who calls all the time and never waits."""
    path = f"/rest/{NEIGHBOUR}/{portal.webhook_of(NEIGHBOUR).code}/server.time"
    while per_second and not ended.wait(1 / per_second):
        dispatch(portal, Request("POST", path))


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
