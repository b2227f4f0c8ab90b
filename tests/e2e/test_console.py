"""The console's server: what it passes on, what it keeps other pages from, and time that is played."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from local.console.night import STEP, CannotPlay, through
from local.stack import wait_until
from tests.e2e.conftest import Service
from tests.e2e.screen import Home, furnished

NIGHT = {"timezone": "UTC", "chats": {"all": True}}
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def open_house(service: Service) -> Iterator[Home]:
    """For tests that change nothing that another would see."""
    with furnished(service) as home:
        yield home


@pytest.fixture
def home(service: Service) -> Iterator[Home]:
    with furnished(service) as home:
        yield home


def send(home: Home, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
    """A request as our own page sends it, but for the headers given; one that is empty is left out."""
    own = {"Origin": home.console.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    named = {**own, **{name.replace("_", "-"): value for name, value in headers.items()}}
    with requests.Session() as session:
        session.trust_env = False
        request = requests.Request(method, home.console.url.rstrip("/") + path, headers=named, json=body).prepare()
        for name, value in named.items():
            if not value:
                del request.headers[name]
        return session.send(request, timeout=30)


def play(home: Home, to: str) -> None:
    assert send(home, "POST", "/night", {"to": to}).status_code == 204
    assert wait_until(lambda: not home.console.night.played.playing, 30)
    assert home.console.night.played.trouble is None


# ---- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": ""},
        {"Host": "127.0.0.1"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/holds"), ("GET", "/events"), ("POST", "/bell")])
def test_another_page_gets_nothing(open_house: Home, method: str, path: str, headers: dict[str, str]) -> None:
    body = {"chat_id": open_house.chats["Lunch"], "muted": True} if method == "POST" else None
    assert send(open_house, method, path, body, **headers).status_code == 403
    assert open_house.muted == set()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_who_does_not_say_where_it_comes_from_changes_nothing(open_house: Home, method: str) -> None:
    for path in ("/bell", "/api/holds", "/night"):
        assert send(open_house, method, path, {}, Origin="").status_code == 403


def test_a_page_of_our_own_with_nothing_secret_and_no_code_from_elsewhere(open_house: Home, service: Service) -> None:
    pages = [send(open_house, "GET", f"/{name}") for name in ("", "main.js", "console.css", "moon.svg", "policies.js")]
    assert {page.status_code for page in pages} == {200}
    policy = pages[0].headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert pages[0].headers["Cache-Control"] == "no-store"
    for name in ("nothing.js", "../server.py", "%2e%2e/server.py", "page/index.html", "index.html/"):
        assert send(open_house, "GET", f"/{name}").status_code == 404
    service.said.extend(page.text for page in pages)


def test_it_listens_on_loopback_only(open_house: Home) -> None:
    assert open_house.console._server.server_address[0] == "127.0.0.1"


# ---- what is passed on ----------------------------------------------------------------------------------------------


def test_calls_are_signed_and_come_back_as_they_are(open_house: Home) -> None:
    made = send(
        open_house, "PUT", "/api/quiet-hours/night", {**NIGHT, "windows": open_house.window(2, 10)}, If_None_Match="*"
    )
    assert (made.status_code, made.json()["name"]) == (201, "night")
    again = send(
        open_house, "PUT", "/api/quiet-hours/night", {**NIGHT, "windows": open_house.window(2, 9)}, If_None_Match="*"
    )
    assert again.json()["error"] == "PRECONDITION_FAILED"
    found = send(open_house, "GET", "/api/quiet-hours/night")
    assert found.headers["ETag"] == made.headers["ETag"]
    picture = send(open_house, "GET", "/api/quiet-hours/night/preview?days=7", Accept="image/svg+xml")
    assert picture.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert send(open_house, "GET", "/api").json()["account"] == open_house.console.account


@pytest.mark.parametrize(
    "path",
    ["/../default/holds", "/..", "/./holds", "//holds", "/holds%2f", "/quiet-hours/a b", "/holds?x=%0a"],
)
def test_no_path_leads_out_of_the_account(open_house: Home, path: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        request = requests.Request("GET", open_house.console.url).prepare()
        request.url = open_house.console.url + "api" + path  # as it is
        answer = session.send(request, timeout=30)
    assert (answer.status_code, answer.json()["error"]) in {(400, "CONSOLE"), (404, "CONSOLE")}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/bell", {"chat_id": "1", "muted": True}),
        ("/bell", {"chat_id": 1, "muted": "Y"}),
        ("/bell", {"chat_id": 999_999, "muted": True}),
        ("/bell", []),
        ("/night", {"to": "yesterday"}),
        ("/night", {}),
    ],
)
def test_what_cannot_be_read_is_refused(open_house: Home, path: str, body: Any) -> None:
    answer = send(open_house, "POST", path, body)
    assert (answer.status_code, answer.json()["error"]) == (400, "CONSOLE")


def test_a_body_has_a_limit(open_house: Home) -> None:
    assert send(open_house, "POST", "/bell", {"x": "x" * 600_000}).status_code == 413


def test_a_real_portal_has_neither_bells_nor_played_time(home: Home) -> None:
    home.console.user = None
    assert home.console.state()["chats"] is None
    assert send(home, "POST", "/night", {"to": "end"}).status_code == 404
    assert send(home, "POST", "/bell", {"chat_id": home.chats["Lunch"], "muted": True}).status_code == 404
    assert home.muted == set()


# ---- what is followed -----------------------------------------------------------------------------------------------


def test_a_bell_is_told_at_once_and_an_open_page_does_not_keep_the_console_from_ending(service: Service) -> None:
    with furnished(service) as home:
        answer = requests.get(f"{home.console.url}events", stream=True, timeout=10)
        lines = (json.loads(line[6:]) for line in answer.iter_lines(chunk_size=1) if line.startswith(b"data: "))
        assert not any(chat["muted"] for chat in next(lines)["chats"])
        assert send(home, "POST", "/bell", {"chat_id": home.chats["Lunch"], "muted": True}).status_code == 204
        assert [chat["title"] for chat in next(lines)["chats"] if chat["muted"]] == ["Lunch"]
    assert list(lines) == []
    answer.close()


# ---- played time ----------------------------------------------------------------------------------------------------


def test_a_night_is_played_and_then_it_is_now_again(home: Home) -> None:
    home.put("night", home.window(2, 5))
    home.press("Lunch", muted=True)
    play(home, "change")
    assert home.muted == {"Lunch", "Deal", "Ben"}
    home.press("Ben", muted=False)
    play(home, "end")
    assert home.muted == {"Lunch"}
    assert home.console.travelling
    play(home, "change")
    assert home.muted == {"Lunch", "Deal", "Ben"}, "the next night"
    assert send(home, "POST", "/night", {"to": "now"}).status_code == 204
    assert not home.console.travelling
    assert home.muted == {"Lunch"}, "it is not night now"


def test_a_night_that_runs_now_is_played_from_now(home: Home) -> None:
    home.put("night", home.window(-1, 2))
    play(home, "end")
    assert home.muted == set()
    assert send(home, "POST", "/night", {"to": "now"}).status_code == 204
    assert home.muted == {"Deal", "Lunch", "Ben"}, "in the running window"


def test_nothing_to_play_and_playing_twice_are_told(home: Home) -> None:
    answer = send(home, "POST", "/night", {"to": "end"})
    assert (answer.status_code, answer.json()["error_description"]) == (
        409,
        "No policy has a window in the next 8 days.",
    )
    home.put("night", home.window(2, 10))
    home.console.night._pace = 30
    assert send(home, "POST", "/night", {"to": "end"}).status_code == 204
    assert send(home, "POST", "/night", {"to": "change"}).status_code == 409
    began = time.monotonic()
    assert send(home, "POST", "/night", {"to": "pause"}).status_code == 204
    assert time.monotonic() - began < 25, "a pause does not wait for the pace"
    assert not home.console.night.played.playing
    assert not [one for one in threading.enumerate() if one.name == "night"]


def test_the_moments_of_a_night() -> None:
    start = datetime(2026, 11, 24, 18, 7, tzinfo=UTC)
    ten = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
    moments = through([(ten, ten + 9 * HOUR), (ten + HOUR, ten + 2 * HOUR + 10 * STEP / 15)], start)
    assert (moments[0], moments[-1]) == (ten - STEP, ten + 9 * HOUR + STEP)
    assert {ten, ten + HOUR, ten + 2 * HOUR + 10 * STEP / 15, ten + 9 * HOUR} <= set(moments)
    assert max(after - before for before, after in itertools.pairwise(moments)) == STEP
    weekend = through([(ten, ten + 72 * HOUR)], start)
    assert len(weekend) < 60
    running = through([(ten, ten + 9 * HOUR)], ten + HOUR)
    assert running[0] == ten + HOUR
    with pytest.raises(CannotPlay):
        through([(ten, ten + HOUR)], ten + HOUR)


def test_the_console_ends_in_the_middle_of_a_night(service: Service) -> None:
    with furnished(service) as home:
        home.put("night", home.window(2, 10))
        home.console.night._pace = 30
        assert send(home, "POST", "/night", {"to": "end"}).status_code == 204
    assert not [one for one in threading.enumerate() if one.name == "night"]
    with pytest.raises(requests.ConnectionError):
        requests.get(home.console.url, timeout=5)


def test_its_credentials_open_its_own_account_only(open_house: Home) -> None:
    assert open_house.console.caller.call("GET", "/default/holds").status_code == 403
