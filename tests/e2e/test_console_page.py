"""The console in a real Chromium: what people press, and that everybody can read and reach it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.chromium import chromium, missing
from local.stack import wait_until
from tests.e2e.conftest import Service
from tests.e2e.screen import NASTY, Home, furnished

_NO_ANSWER = "Failed to load resource"  # Chromium's own line for each answer that is an error
pytestmark = pytest.mark.skipif(missing() is not None, reason=f"the console's page is not looked at: {missing()}")
CONTRAST = Path(__file__).with_name("contrast.js").read_text()
PLAYED = """line => {
  const bar = line.parentElement.querySelector("rect.bar"), x = Number(/M([\\d.]+)/.exec(line.getAttribute("d"))[1]);
  return (x - bar.getAttribute("x")) / bar.getAttribute("width") * 24;
}"""
"""At which hour of its row the line for played time stands."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def home(service: Service, browser: Any) -> Iterator[Home]:
    with furnished(service) as home:
        yield home


class Screen:
    """A page in the browser, and what it complained of."""

    def __init__(self, browser: Any, home: Home, *, width: int = 1280, scheme: str = "light", **options: Any) -> None:
        self.home = home
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, locale="en-GB", **options
        )
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.goto(home.console.url)
        self.page.locator(".chat").first.wait_for()

    def _hear(self, line: Any) -> None:
        if line.type in {"error", "warning"} and _NO_ANSWER not in line.text:
            self.complaints.append(line.text)

    def bell(self, title: str) -> Any:
        return self.page.locator(".chat").filter(has=self.page.get_by_text(title, exact=True)).locator(".bell")

    @property
    def muted(self) -> set[str]:
        pressed = self.page.locator(".chat:has(.bell[aria-pressed=true]) .name")
        return set(pressed.all_inner_texts())

    def shows(self, *titles: str) -> bool:
        """Whether page and portal come to agree on what is muted."""
        return wait_until(lambda: self.muted == set(titles) == self.home.muted, 10)

    def picture(self, of: str = "week") -> Any:
        return self.page.locator(f"#{of} svg")

    def makes(self, name: str) -> None:
        """A policy by the editor, in UTC, for an hour, soon."""
        (window,) = self.home.window(2, 3)
        self.page.get_by_role("button", name="New policy").click()
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Time zone").fill("UTC")
        self.page.get_by_label("from").fill(window["start"])
        self.page.get_by_label("to", exact=True).fill(window["end"])
        self.page.get_by_label("But not").fill(f"chat{self.home.chats[NASTY]}")
        self.page.get_by_role("button", name="Save").click()
        self.page.locator("dialog").wait_for(state="hidden")
        self.picture().locator("text.name", has_text=name).wait_for()

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


def test_a_bell_a_policy_and_a_night(browser: Any, home: Home) -> None:
    screen = Screen(browser, home)
    page = screen.page
    screen.bell("Lunch").click()
    assert screen.shows("Lunch")
    screen.makes("night")
    assert screen.picture().locator("title").text_content().startswith("Quiet hours night, ")
    assert home.service.call("GET", f"/{home.console.account}/quiet-hours/night").status_code == 200

    page.get_by_role("button", name="To the next change").click()
    assert screen.shows("Lunch", "Deal", "Ben")
    page.locator(".travelling").wait_for()
    assert screen.picture().locator(".played").evaluate(PLAYED) == int(home.window(2, 3)[0]["start"][:2])
    page.get_by_text("kept muted by policy night", exact=True).first.wait_for()
    page.get_by_text("kept muted by policy night · was muted before").wait_for()
    screen.bell("Ben").click()
    assert screen.shows("Lunch", "Deal")
    page.get_by_role("button", name="Play the night").click()
    assert screen.shows("Lunch"), "exactly what was muted before"
    page.get_by_role("button", name="Back to now").click()
    page.locator("body:not(.travelling)").wait_for()
    assert screen.picture().locator(".played").count() == 0

    page.get_by_role("button", name="Skip the next window").click()
    page.get_by_role("button", name="Take the skip back").click()
    page.get_by_role("button", name="Take the skip back").wait_for(state="hidden")
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("No quiet hours yet.").wait_for()
    screen.bell("Lunch").click()
    assert screen.shows()
    log = page.get_by_role("log").inner_text()
    assert all(f"{title} is muted now" in log for title in ("Lunch", "Deal", "Ben"))
    screen.close()


def test_a_snooze_and_what_the_service_says(browser: Any, home: Home) -> None:
    screen = Screen(browser, home)
    page = screen.page
    page.get_by_role("button", name="Ask the service about Deal").click()
    row = page.locator(".chat").filter(has_text="Deal")
    row.get_by_text("No change is to come.").wait_for()
    row.get_by_role("button", name="Snooze Deal for 1 h").click()
    assert screen.shows("Deal")
    row.get_by_text("(console)").wait_for()
    assert "Next: audible from" in row.inner_text()
    row.get_by_role("button", name="Unmute", exact=True).click()
    assert screen.shows()
    assert page.locator(".chat").filter(has_text="Support line").locator(".bell").is_disabled()
    screen.close()


def test_a_fault_is_told_at_its_field_and_an_edit_meets_another(browser: Any, home: Home) -> None:
    screen = Screen(browser, home)
    page = screen.page
    page.get_by_role("button", name="Every night").click()
    page.get_by_label("Time zone").fill("Europe/Berln")
    page.locator("#zone[aria-invalid=true]").wait_for()
    assert "timezone: must be the IANA name" in page.get_by_role("alert").last.inner_text()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("from").fill("25:00")
    page.locator(".window .start[aria-invalid=true]").wait_for()
    page.get_by_label("from").fill("21:30")
    page.locator("[aria-invalid]").wait_for(state="detached")
    screen.picture("draft").locator("text.time", has_text="21:30").first.wait_for()
    page.get_by_label("Title like").fill(NASTY)
    page.get_by_role("button", name="Save").click()
    screen.picture().locator("text", has_text="all chats titled <img src=x").wait_for()
    page.get_by_role("button", name="Edit").click()
    assert page.get_by_label("Title like").input_value() == NASTY
    home.service.call("PUT", f"/{home.console.account}/quiet-hours/night", {
        "timezone": "UTC", "windows": home.window(2, 5), "chats": {"all": True}})  # fmt: skip
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Somebody has changed it meanwhile.").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="hidden")
    assert page.get_by_text(NASTY, exact=True).is_visible(), "a chat's title is a text"
    screen.close()


def test_without_a_mouse(browser: Any, home: Home) -> None:
    screen = Screen(browser, home)
    page = screen.page

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate("""() => {
              const one = document.activeElement;
              if (one === document.body) return null;
              const style = getComputedStyle(one.closest("label.chip") ?? one);
              return [one.ariaLabel || one.labels?.[0]?.textContent.trim() || one.textContent.trim(),
                      style.outlineStyle, parseFloat(style.outlineWidth)];
            }""")
            if focused is None:  # the browser's own turn
                continue
            assert focused[1] != "none", f"no focus is seen on {focused[0]}"
            assert focused[2] >= 2
            if focused[0] == name:
                return
        pytest.fail(f"{name} is not reached")

    tab_to("To the chats")
    page.keyboard.press("Enter")
    tab_to("Mute Lunch")
    page.keyboard.press("Space")
    assert screen.shows("Lunch")
    page.keyboard.press("Space")
    assert screen.shows()
    tab_to("New policy")
    page.keyboard.press("Enter")
    page.keyboard.type("keys")
    tab_to("Sun")
    page.keyboard.press("Space")
    tab_to("from")
    page.keyboard.type("21:30")
    page.keyboard.press("Enter")
    screen.picture().locator("text.time", has_text="21:30").first.wait_for()
    saved = home.service.call("GET", f"/{home.console.account}/quiet-hours/keys").json()
    assert saved["windows"] == [{"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "start": "21:30", "end": "07:00"}]
    tab_to("New policy")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.id") == "new-policy", "focus returns"
    screen.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_everybody_can_read_it(browser: Any, home: Home, width: int, scheme: str) -> None:
    home.put("night", home.window(2, 10))
    home.press("Lunch", muted=True)
    screen = Screen(browser, home, width=width, scheme=scheme, reduced_motion="reduce")
    page = screen.page
    screen.picture().wait_for()
    page.get_by_role("button", name="Ask the service about Lunch").click()
    page.locator(".said .answer p").first.wait_for()
    narrow = "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('dialog[open]')]"
    narrow += ".every((one) => one.scrollWidth <= one.clientWidth)"
    for opened in (False, True):
        if opened:
            page.get_by_role("button", name="Edit").click()
            page.get_by_role("button", name="Add a date").click()
            page.locator(".date .kind").select_option("span")
            screen.picture("draft").wait_for()
        assert page.evaluate(narrow), "it scrolls sideways"
        found = page.evaluate(CONTRAST)
        assert len(found) > 30
        assert [one for one in found if one[1] < one[2]] == []
    moving = (
        "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length"
    )
    assert page.evaluate(moving) == 0
    names = page.locator("button:visible, input:visible, select:visible").evaluate_all(
        "all => all.map((one) => one.ariaLabel || one.labels?.[0]?.textContent.trim() || one.textContent.trim())"
    )
    assert all(names)
    screen.close()


def test_a_real_portals_chats_and_no_played_time(browser: Any, service: Service) -> None:
    with furnished(service) as home:
        home.press("Ben", muted=True)
        home.console.user = None
        screen = Screen(browser, home)
        assert screen.muted == {"Ben"}
        assert screen.page.get_by_role("button", name="Play the night").is_hidden()
        screen.bell("Deal").click()
        assert screen.shows("Ben", "Deal")
        screen.close()


def test_a_console_that_has_ended_is_told(browser: Any, service: Service) -> None:
    with furnished(service) as home:
        screen = Screen(browser, home)
        assert screen.page.locator("#offline").is_hidden()
    screen.page.locator("#offline").wait_for()
    screen.context.close()
