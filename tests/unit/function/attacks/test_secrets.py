"""A secret that is not what it should be: nobody is asked, nothing of it comes out, the answer says what is wrong."""

import json
from typing import Any

import pytest

from tests.conftest import WEBHOOK_MARK
from tests.unit.function.office import ANN, BEN, HAND, HOST, Office

CODE = f"{WEBHOOK_MARK}attack"
PATH = f"/rest/{ANN}/{CODE}/"


def webhook(url: Any, **more: Any) -> str:
    return json.dumps({"webhook_url": url, **more})


def oauth(**changes: Any) -> str:
    tokens = {
        "client_id": "app", "client_secret": f"{CODE}1", "access_token": f"{CODE}2", "refresh_token": f"{CODE}3",
        "user_id": ANN,
        "client_endpoint": f"https://{HOST}/rest/", "server_endpoint": f"https://{HOST}/rest/", "expires": 1795521600,
    }  # fmt: skip
    return json.dumps({**tokens, **changes})


NO_OBJECT: list[Any] = [
    "", " ", CODE, f"https://{HOST}{PATH}", "null", "[]", "1", '"x"', f'["{CODE}"]', "{", "{}", "\ufeff{}", b"\xff\x00",
    "[" * 60_000, "9" * 60_000, "x" * 65_536, '{"webhook_url": NaN}', f'{{"webhook_url": {"9" * 10_000}}}',
]  # fmt: skip
NO_URL: list[Any] = [None, True, 0, 1.5, [], {}, [f"https://{HOST}{PATH}"], "", " "]
SCHEMES = ["http://", "HTTP://", "ftp://", "file://", "//", "", "https:", "https:/", "javascript://", "https+unix://"]
NO_WEBHOOK = [
    f"/rest/api/{ANN}/{CODE}/", f"/rest/{CODE}/", f"/rest/0/{CODE}/", f"/rest/-1/{CODE}/", f"/rest/{'9' * 20}/{CODE}/",
    f"/rest/\u0661/{CODE}/", f"/rest/{ANN}//", f"/REST/{ANN}/{CODE}/", f"/x/..{PATH}", f"{PATH}im.chat.mute",
    f"{PATH}?auth=1", f"{PATH}#x", f"{PATH}..", f"/rest/{ANN}/{CODE}%2f", f"/rest/{ANN}/{CODE}\u00e9/",
    f"/rest/{ANN}/{CODE} /", f"/rest/{ANN}/{CODE}\\/", f"/rest/{ANN}/{CODE}{'x' * 200}/",
    f"/rest/{ANN}/{CODE * 6000}/",
]  # fmt: skip
"""REST 3.0 first."""
NO_HOST = [
    f"{HOST}@evil.example", f"user:pass@{HOST}", f"@{HOST}", f"{HOST}\\@evil.example", f"{HOST}%2eevil.example",
    f"{HOST}%00", f"{HOST}:x", f"{HOST}:99999", f"{HOST}:-1", f"{HOST} ", " ", "", ":443", "[::1",
    "p\u00f6rtal.example",
    "portal\u3002example", "\uff50ortal.example", "portal\u200b.example", "portal.example\u0000",
]  # fmt: skip
NO_RATE: list[Any] = [
    0, [], {}, {"burst": 50}, {"burst": 0, "per_second": 2}, {"burst": -1, "per_second": 2},
    {"burst": True, "per_second": 2}, {"burst": "50", "per_second": 2}, {"burst": 10**9, "per_second": 2},
    {"burst": 50, "per_second": 2, "x": 1}, {"burst": float("nan"), "per_second": 2},
    {"burst": 50, "per_second": float("inf")},
]  # fmt: skip
NO_TOKEN: list[Any] = [None, "", 1, [CODE], "x" * 5000]
NO_USER: list[Any] = [None, 0, -1, True, "x", "\u0661", 1.5, [ANN]]
NO_ENDPOINT: list[Any] = [
    None,
    7,
    f"http://{HOST}/rest/",
    f"https://{HOST}/",
    f"https://x@{HOST}/rest/",
    "https:///rest/",
]
SECRETS = [
    *NO_OBJECT,
    *[webhook(url) for url in NO_URL],
    *[webhook(f"{scheme}{HOST}{PATH}") for scheme in SCHEMES],
    *[webhook(f"https://{HOST}{path}") for path in NO_WEBHOOK],
    *[webhook(f"https://{host}{PATH}") for host in NO_HOST],
    *[webhook(f"https://{HOST}{PATH}", rate=rate) for rate in NO_RATE],
    *[oauth(**{name: one}) for name in ("client_secret", "access_token", "refresh_token") for one in NO_TOKEN],
    *[oauth(user_id=one) for one in NO_USER],
    *[oauth(client_endpoint=one) for one in NO_ENDPOINT],
    *[oauth(server_endpoint=one) for one in (None, f"http://{HOST}/rest/")],
]


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_that_is_not_usable(office: Office, secret: Any) -> None:
    content = {"SecretBinary" if isinstance(secret, bytes) else "SecretString": secret}
    office.stack.secrets.create_secret(Name="quiet-hours/attack", **content)
    told = office.call("GET", "", account="attack")
    assert told.status == 200
    assert (told.body["usable"], told.body["error"]) == (False, "INVALID_CREDENTIALS")
    for method, path, body in [
        ("POST", "im.chat.mute", {"CHAT_ID": 1}), ("POST", "mutes", {"chats": ["chat1"]}), ("GET", "chats/chat1",
        None), ("GET", "holds", None), ("DELETE", "holds", None),
        ("GET", "quiet-hours", None), ("GET", "quiet-hours/night", None), ("DELETE", "quiet-hours/night", None),
        ("POST", "quiet-hours/night/skip", {}),
        ("GET", "jobs/5f0c9a1b2c3d4e5f", None),
    ]:  # fmt: skip
        status, answer, _ = office.call(method, path, body, account="attack")
        assert (status, answer["error"]) == (502, "INVALID_CREDENTIALS"), (method, path)
        assert len(answer["error_description"]) < 200
    assert office.stack.transport.sent == []
    assert office.stack.dynamodb.items("state") == []


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOST}{PATH}",
        f"https://{HOST}:443{PATH}",
        f"HTTPS://{HOST.upper()}{PATH}"[:-1],
        f"\n https://{HOST}{PATH}",
    ],
)
def test_one_that_looks_strange_and_is_right(office: Office, url: str) -> None:
    office.portal.add_webhook(ANN, CODE)
    office.stack.put_account("attack", {"webhook_url": url})
    told = office.call("GET", "", account="attack").body
    assert (told["usable"], told["portal"]) == (True, HOST)


def test_a_token_server_that_is_not_bitrix24s_gets_no_secret(office: Office) -> None:
    office.stack.secrets.create_secret(
        Name="quiet-hours/attack", SecretString=oauth(server_endpoint="https://evil.example/rest/")
    )
    told = office.call("GET", "", account="attack").body
    assert told["usable"] is False
    assert not [url for url in office.stack.transport.sent if url.startswith("evil.example")]


def test_a_webhook_that_acts_for_another_user_than_it_says_mutes_nothing(office: Office) -> None:
    office.portal.add_webhook(BEN, CODE)
    office.stack.put_account("attack", {"webhook_url": f"https://{HOST}/rest/{BEN}/{CODE}/"})
    office.portal.change_webhook_owner(BEN, ANN)
    status, answer, _ = office.call("POST", "im.chat.mute", {"CHAT_ID": 1, "FOR": "PT1H"}, account="attack")
    assert (status, answer["error"]) == (502, "USER_CHANGED")
    assert office.muted == {HAND}
    assert office.portal.muted_chats(BEN) == set()
