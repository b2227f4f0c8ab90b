"""Mutes many chats with fast-bitrix24, as its own documentation does: WEBHOOK CHATS."""

import asyncio
import json
import sys
import time

from fast_bitrix24 import BitrixAsync


async def main() -> None:
    """Prints ``{"wall_s", "told", "error"}``."""
    url, count = sys.argv[1], int(sys.argv[2])
    began = time.monotonic()
    bitrix = BitrixAsync(url, verbose=False)
    told, error = 0, None
    try:
        chats = [{"CHAT_ID": number, "MUTE": "Y"} for number in range(1001, 1001 + count)]
        told = len(list(await bitrix.call("im.chat.mute", chats)))
    except Exception as failure:  # noqa: BLE001  whatever it raises is its result
        error = type(failure).__name__
    print(json.dumps({"wall_s": time.monotonic() - began, "told": told, "error": error}))


if __name__ == "__main__":
    asyncio.run(main())
