"""Webhook.parse: what is a webhook's URL, and that a refusal never repeats it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24 import Webhook
from bitrix24.errors import CredentialError
from tests.unit.layer.doubles import CODE, URL, assert_tells_nothing


@pytest.mark.parametrize(
    ("url", "portal", "user_id"),
    [
        (f"https://portal.example/rest/503/{CODE}/", "portal.example", 503),
        (f"https://portal.example/rest/503/{CODE}", "portal.example", 503),
        (f"HTTPS://Portal.Example/rest/1/{CODE}/", "portal.example", 1),
        (f"https://portal.example:8443/rest/1/{CODE}/", "portal.example:8443", 1),
        (f"https://portal.example:443/rest/1/{CODE}/", "portal.example", 1),
        (f"https://127.0.0.1:1/rest/1/{CODE}/", "127.0.0.1:1", 1),
        (f"https://[::1]/rest/1/{CODE}/", "[::1]", 1),
        (f"https://[::1]:8443/rest/1/{CODE}/", "[::1]:8443", 1),
        (f"https://xn--bcher-kva.example/rest/1/{CODE}/", "xn--bcher-kva.example", 1),
        (f"https://localhost/rest/{2**63 - 1}/{CODE}/", "localhost", 2**63 - 1),
        ("https://portal.example/rest/1/aB-_9/", "portal.example", 1),
    ],
)
def test_takes_any_https_host_and_port(url: str, portal: str, user_id: int) -> None:
    webhook = Webhook.parse(url)
    assert (webhook.portal, webhook.user_id) == (portal, user_id)
    code = url.rstrip("/").rpartition("/")[2]
    assert webhook.secrets == (code,)
    assert webhook.url("im.chat.mute") == f"https://{portal}/rest/{user_id}/{code}/im.chat.mute"


@pytest.mark.parametrize(
    "url",
    [
        f"http://portal.example/rest/503/{CODE}/",
        f"ftp://portal.example/rest/503/{CODE}/",
        f"//portal.example/rest/503/{CODE}/",
        f"portal.example/rest/503/{CODE}/",
        f"https:/rest/503/{CODE}/",
        f"https:///rest/503/{CODE}/",
        f"https://:443/rest/503/{CODE}/",
        f"https://user@portal.example/rest/503/{CODE}/",
        f"https://user:{CODE}@portal.example/rest/503/{CODE}/",
        f"https://@portal.example/rest/503/{CODE}/",
        f"https://portal.example:0x50/rest/503/{CODE}/",
        f"https://portal.example:65536/rest/503/{CODE}/",
        f"https://portal.example:-1/rest/503/{CODE}/",
        f"https://b\u00fccher.example/rest/503/{CODE}/",
        f"https://portal\uff0eexample/rest/503/{CODE}/",
        f"https://portal\u2024example/rest/503/{CODE}/",
        f"https://portal.ex%61mple/rest/503/{CODE}/",
        f"https://portal .example/rest/503/{CODE}/",
        f"https://portal.example\\@evil.example/rest/503/{CODE}/",
        f"https://[::1/rest/503/{CODE}/",
        f"https://[fe80::1%25eth0]/rest/503/{CODE}/",
        f"https://portal.example/rest/{CODE}/",
        f"https://portal.example/rest/0/{CODE}/",
        f"https://portal.example/rest/042/{CODE}/",
        f"https://portal.example/rest/-1/{CODE}/",
        f"https://portal.example/rest/\u0665/{CODE}/",
        f"https://portal.example/rest/503/{CODE}/im.chat.mute",
        f"https://portal.example/rest/503/{CODE}/profile.json",
        f"https://portal.example/rest/503/{CODE}//",
        f"https://portal.example/rest/503/{CODE}%2f/",
        f"https://portal.example/rest/503/{CODE}\u00e9/",
        f"https://portal.example/Rest/503/{CODE}/",
        f"https://portal.example/x/rest/503/{CODE}/",
        f"https://portal.example/rest/503//{CODE}/",
        f"https://portal.example/rest/../rest/503/{CODE}/",
        f"https://portal.example/rest/503/{CODE}/?auth=1",
        f"https://portal.example/rest/503/{CODE}/#top",
        f"https://portal.example/rest/503/{CODE};x/",
        "https://portal.example/rest/503/" + CODE * 10 + "/",
        "https://portal.example/rest/503//",
        f"https://portal.example/rest/503/{CODE}/" + " " * 2048,
        "",
        CODE,
    ],
)
def test_refuses_what_is_no_classic_webhook_without_quoting_it(url: str) -> None:
    with pytest.raises(CredentialError) as caught:
        Webhook.parse(url)
    assert caught.value.code == "INVALID_CREDENTIALS"
    assert caught.value.description.startswith("The account's webhook_url is not usable: ")
    assert_tells_nothing(caught.value)


@pytest.mark.parametrize("url", [None, 7, True, b"https://portal.example/rest/1/a/", [URL], {"url": URL}])
def test_refuses_what_is_no_text(url: object) -> None:
    with pytest.raises(CredentialError) as caught:
        Webhook.parse(url)
    assert_tells_nothing(caught.value)


@pytest.mark.parametrize("path", [f"/rest/api/503/{CODE}/", f"/rest/api/503/{CODE}", "/rest/api/"])
def test_refuses_rest_3_saying_so(path: str) -> None:
    with pytest.raises(CredentialError, match=r"REST 3\.0 webhook.*a classic one is /rest/USER_ID/CODE/") as caught:
        Webhook.parse("https://portal.example" + path)
    assert_tells_nothing(caught.value)


def test_the_code_is_not_in_its_texts() -> None:
    webhook = Webhook.parse(URL)
    assert CODE not in f"{webhook} {webhook!r} {[webhook]}"


@given(
    st.one_of(
        st.text(max_size=40),
        st.text(max_size=20).map(lambda text: f"https://{text}/rest/503/{CODE}/"),
        st.text(max_size=20).map(lambda text: f"https://portal.example{text}/rest/503/{CODE}/"),
        st.text(max_size=20).map(lambda text: f"https://portal.example/rest/503/{CODE}{text}"),
    )
)
def test_either_parses_or_refuses_silently(url: str) -> None:
    try:
        webhook = Webhook.parse(url)
    except CredentialError as error:
        assert_tells_nothing(error)
    else:
        assert webhook.url("m").startswith("https://")
        assert webhook.portal.isascii()
        assert not set(webhook.portal) & set("/@\\?# \t\r\n")
