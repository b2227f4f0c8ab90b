"""`python -m local.portal --cert FILE --key FILE [--port N]`: a small portal to play with, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import ssl
import sys
import threading
from pathlib import Path

from local.portal.server import PortalServer
from local.portal.state import Portal


def example_portal() -> Portal:
    """Return a portal with a user, a colleague, three chats and a webhook."""
    portal = Portal()
    portal.add_user(1, "Ann Lee")
    portal.add_user(2, "Bob Ray")
    portal.add_webhook(1)
    portal.add_chat(42, members=[1, 2], title="Ops")
    portal.add_workgroup(7, 43, members=[1, 2])
    portal.add_private(1, 2, 44)
    return portal


def main(arguments: list[str]) -> int:
    """Serve the example portal and print the URL of its webhook.

    Returns:
        0 after SIGTERM or Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="python -m local.portal", description=__doc__)
    parser.add_argument("--cert", type=Path, required=True, help="certificate chain, PEM")
    parser.add_argument("--key", type=Path, required=True, help="private key, PEM")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options = parser.parse_args(arguments)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.cert, options.key)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with PortalServer(example_portal(), context, options.port) as server:
        print(server.webhook_url(1), flush=True)
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
