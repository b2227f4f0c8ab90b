"""`make screenshots`: the console as it looks, for the documents; in the first evening of a policy, which is played."""

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from local.chromium import Absent, chromium
from local.console import Console
from local.paths import ROOT
from local.portal import Portal
from local.stack import Stack, running, wait_until
from local.terminal import say
from local.world import ANN, LUNCH, furnish

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = ROOT / "docs" / "images"
ZONE = "Europe/Berlin"
WORKDAYS, WEEKEND = ["mon", "tue", "wed", "thu", "fri"], ["sat", "sun"]


def main() -> int:
    """Takes the pictures; nothing where there is no Chromium."""
    portal = Portal()
    furnish(portal)
    try:
        with chromium() as browser, running(portal) as stack, Console(stack, user=ANN, pace=0) as console:
            _prepare(stack, console)
            IMAGES.mkdir(parents=True, exist_ok=True)
            _take(browser, console, "console-light", 1240, "light")
            _take(browser, console, "console-dark", 1240, "dark")
            _take(browser, console, "console-phone", 360, "dark", scale=2)
            _take(browser, console, "console-editor", 1240, "light", edit=True)
            (IMAGES / "week.svg").write_text(_week(console))
    except Absent as reason:
        say(f"no pictures are taken: {reason}")
        return 1
    for image in sorted(IMAGES.iterdir()):
        say(f"  docs/images/{image.name}  {image.stat().st_size / 1000:.0f} kB")
    return 0


def _prepare(stack: Stack, console: Console) -> None:
    """Ann's chats: Lunch is muted by hand, the rest as the policy wants it."""
    stack.put_account("default", {"webhook_url": stack.server.webhook_url(ANN)})
    stack.portal.mute_by_hand(ANN, LUNCH)
    today = datetime.now(ZoneInfo(ZONE)).date()
    thursday = today - timedelta(days=today.weekday()) + timedelta(days=3)
    policy = {
        "timezone": ZONE,
        "windows": [
            {"days": WORKDAYS, "start": "19:00", "end": "08:00"},
            {"days": WORKDAYS, "start": "12:30", "end": "13:15"},
            {"days": WEEKEND, "start": "00:00", "end": "24:00"},
        ],
        "dates": {thursday.isoformat(): [{"start": "16:00", "end": "24:00"}]},
        "chats": {"all": True},
    }
    console.caller.call("PUT", "/default/quiet-hours/after-work", policy).raise_for_status()
    stack.invoke_tick()
    stack.wait_for_queue()


def _evening(console: Console) -> None:
    """Plays on to an evening at seven."""
    while (at := console.night.played.at) is None or at.astimezone(ZoneInfo(ZONE)).hour != 19:
        console.night.play(whole=False)
        wait_until(lambda: not console.night.played.playing)


def _take(  # noqa: PLR0917  a picture's look
    browser: "Browser", console: Console, name: str, width: int, scheme: str, scale: int = 1, *, edit: bool = False
) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=scale,
        locale="en-GB",
        timezone_id=ZONE,
    )
    console.night.back()
    page.goto(console.url)
    page.locator("#week svg").wait_for()
    page.get_by_text("user 503").wait_for()
    _evening(console)
    page.get_by_text("kept muted by policy after-work", exact=True).first.wait_for()
    page.locator("#log .tick").first.wait_for()
    if edit:
        page.get_by_role("button", name="Edit").click()
        page.locator("#draft svg").wait_for()
    page.locator("#notice").evaluate("notice => notice.remove()")
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=IMAGES / f"{name}.png", full_page=not edit and scale == 1)
    page.close()


def _week(console: Console) -> str:
    picture = {"Accept": "image/svg+xml"}
    return console.caller.call("GET", "/default/quiet-hours/after-work/preview?days=7", None, picture).text


if __name__ == "__main__":
    sys.exit(main())
