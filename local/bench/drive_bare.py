"""The floor of every client over requests: ready bodies, a session, the pace, no more: WEBHOOK CHATS CA_BUNDLE."""

import json
import sys
import time

import requests

SIZE, BURST, PER_SECOND = 50, 48, 1.98


def main() -> None:
    """Prints ``{"wall_s", "told", "error"}``."""
    url, count, bundle = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    bodies = []
    for first in range(1001, 1001 + count, SIZE):
        commands = {f"c{number}": f"im.chat.mute?CHAT_ID={number}&MUTE=Y" for number in range(first, first + SIZE)}
        bodies.append(json.dumps({"halt": 0, "cmd": commands}))
    began = time.monotonic()
    session = requests.Session()
    session.trust_env, session.verify = False, bundle
    told = 0
    for number, body in enumerate(bodies):
        due = began + max(0.0, (number + 1 - BURST) / PER_SECOND)
        time.sleep(max(0.0, due - time.monotonic()))
        answer = session.post(f"{url}batch", data=body, headers={"Content-Type": "application/json"}, timeout=30)
        told += len(answer.json()["result"]["result"])
    print(json.dumps({"wall_s": time.monotonic() - began, "told": told, "error": None}))


if __name__ == "__main__":
    main()
