"""Mutes many chats with the vendor's b24pysdk, as its own documentation does: WEBHOOK CHATS."""

import json
import sys
import time

from b24pysdk.credentials import BitrixWebhook


def main() -> None:
    """Prints ``{"wall_s", "told", "error"}``."""
    url, count = sys.argv[1], int(sys.argv[2])
    began = time.monotonic()
    host, _, user, code = url.removeprefix("https://").strip("/").split("/")
    webhook = BitrixWebhook(domain=host, webhook_token=f"{user}/{code}")
    calls = {f"c{n}": ("im.chat.mute", {"CHAT_ID": n, "MUTE": "Y"}) for n in range(1001, 1001 + count)}
    told, error = 0, None
    try:
        told = len(webhook.call_batches(calls)["result"]["result"])
    except Exception as failure:  # noqa: BLE001  whatever it raises is its result
        error = type(failure).__name__
    print(json.dumps({"wall_s": time.monotonic() - began, "told": told, "error": error}))


if __name__ == "__main__":
    main()
