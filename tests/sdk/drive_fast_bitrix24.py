"""Drives fast-bitrix24: `python drive_fast_bitrix24.py SCENARIO` with JSON on stdin, JSON on stdout.

Runs in its own virtual environment and imports nothing of this project.
"""

import asyncio
import json
import sys

from fast_bitrix24 import BitrixAsync


async def error_of(coroutine):
    """Return what an error looks like to a user of the client."""
    try:
        await coroutine
    except Exception as error:  # noqa: BLE001 - the class is the result
        return {"class": type(error).__name__, "status": getattr(error, "status", None), "text": str(error)}
    return None


async def mute(bitrix, given):
    return [await bitrix.call("im.chat.mute", {"CHAT_ID": given["chat"], "MUTE": flag}) for flag in given["flags"]]


async def mute_many(bitrix, given):
    return list(await bitrix.call("im.chat.mute", [{"CHAT_ID": n, "MUTE": "Y"} for n in given["chats"]]))


async def mute_many_error(bitrix, given):
    return await error_of(mute_many(bitrix, given))


async def raw(bitrix, given):
    return await bitrix.call("im.chat.mute", {"CHAT_ID": given["chat"], "MUTE": "Y"}, raw=True)


async def raw_error(bitrix, given):
    return await error_of(raw(bitrix, given))


async def batch(bitrix, given):
    return await bitrix.call_batch({"halt": 0, "cmd": given["cmd"]})


async def recent(bitrix, given):
    return await bitrix.call("im.recent.list", {"LIMIT": 200, "OFFSET": 0}, raw=True)


async def dialogs(bitrix, given):
    return await bitrix.get_by_ID("im.dialog.get", given["ids"], ID_field_name="DIALOG_ID")


async def main():
    given = json.load(sys.stdin)
    tokens = iter(given.get("tokens", []))

    async def next_token():
        return next(tokens)

    if given.get("tokens"):
        bitrix = BitrixAsync(given["rest_url"], token_func=next_token, verbose=False)
    else:
        bitrix = BitrixAsync(given["webhook_url"], verbose=False)
    print(json.dumps({"answer": await globals()[sys.argv[1]](bitrix, given)}))


asyncio.run(main())
