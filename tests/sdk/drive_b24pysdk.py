"""Drives the vendor's SDK: `python drive_b24pysdk.py SCENARIO` with JSON on stdin, JSON on stdout.

Runs in the SDK's own virtual environment and imports nothing of this project.
"""

import json
import sys
from datetime import UTC, datetime

from b24pysdk import Config
from b24pysdk.credentials import BitrixApp, BitrixToken, BitrixWebhook


def error_of(work):
    """Return what an error looks like to a user of the SDK."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - the class is the result
        return {
            "class": type(error).__name__,
            "code": getattr(error, "error", None),
            "status": getattr(error, "status_code", None),
        }
    return None


def mute(client, given):
    answers = [client.im.chat.mute(mute=flag, **given["target"]).response for flag in given["flags"]]
    return {"results": [a.result for a in answers], "operating": [a.time.operating for a in answers]}


def mute_error(client, given):
    return error_of(lambda: client.im.chat.mute(mute=True, **given["target"]).result)


def batches(client, given):
    calls = {f"c{n}": ("im.chat.mute", {"CHAT_ID": n, "MUTE": "Y"}) for n in given["chats"]}
    answer = client._bitrix_token.call_batches(calls)
    return answer["result"]


def batch_list(client, given):
    calls = [("im.chat.mute", {"CHAT_ID": n, "MUTE": "Y"}) for n in given["chats"]]
    return client._bitrix_token.call_batch(calls)["result"]


def recent(client, given):
    found, offset = [], 0
    while True:
        page = client.im.recent.list(limit=given["limit"], offset=offset, skip_openlines=True).result
        found += [[item["chat_id"], item["chat"]["mute_list"]] for item in page["items"]]
        if not page["hasMore"]:
            return {"found": found}
        offset += given["limit"]


def small(client, given):
    return {
        "profile": client.profile().result,
        "scope": client.scope().result,
        "time": str(client.server.time().result),
        "dialog": client.im.dialog.get(dialog_id="chat1489").result["mute_list"],
    }


SCENARIOS = {name: globals()[name] for name in ("mute", "mute_error", "batches", "batch_list", "recent", "small")}


def main():
    given = json.load(sys.stdin)
    Config().configure(default_initial_retry_delay=0.6, default_retry_delay_increment=0.1)
    if given.get("oauth"):
        pair, app = given["oauth"], given["app"]
        token = BitrixToken(
            domain=given["domain"],
            auth_token=pair["access_token"],
            refresh_token=pair["refresh_token"],
            expires=datetime.fromtimestamp(pair["expires"], UTC),
            expires_in=pair["expires_in"],
            bitrix_app=BitrixApp(client_id=app["client_id"], client_secret=app["client_secret"]),
        )
    else:
        token = BitrixWebhook(domain=given["domain"], webhook_token=given["webhook"])
    answer = SCENARIOS[sys.argv[1]](token.get_client(), given)
    print(json.dumps({"answer": answer, "domain": token.domain, "refresh_token": token.refresh_token}))


main()
