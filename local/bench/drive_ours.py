"""Mutes many chats with the layer bitrix24: WEBHOOK CHATS IN_FLIGHT SECONDS CA_BUNDLE."""

import json
import sys
import time

from bitrix24 import Client, MemoryStore, Transport, Webhook, muting
from bitrix24.errors import Bitrix24Error


def main() -> None:
    """Prints ``{"wall_s", "told", "error"}``."""
    url, bundle = sys.argv[1], sys.argv[5]
    count, in_flight, seconds = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    transport = Transport(bundle)  # reads the CA bundle; aiohttp, fast-bitrix24's transport, does so when imported
    began = time.monotonic()
    webhook = Webhook.parse(url)
    client = Client(webhook, transport, MemoryStore(webhook))
    told, failed = 0, ""
    ids = range(1001, 1001 + count)
    outcomes = muting.mute_many(
        client, ids, muted=True, time_left=lambda: began + seconds - time.monotonic(), in_flight=in_flight
    )
    for _, outcome in outcomes:
        told += 1
        if isinstance(outcome, Bitrix24Error):
            failed = outcome.code
    print(json.dumps({"wall_s": time.monotonic() - began, "told": told, "error": failed or None}))


if __name__ == "__main__":
    main()
