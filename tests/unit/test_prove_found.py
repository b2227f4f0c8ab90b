"""What `make prove` has found, kept as tests; the seeds stand in docs/reliability.md."""

import pytest

from local.portal import Fault
from tests.unit.test_semantics import Night, at


@pytest.fixture
def night() -> Night:
    return Night(at("2026-03-03 11:00"))


@pytest.mark.parametrize("how", ["unmute", "let go", "by hand"])
def test_people_still_win_after_a_look_that_could_not_read_the_chats(night: Night, how: str) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:31")
    if how == "by hand":
        night.portal.mute_by_hand(503, 1, muted=False)
    elif how == "unmute":
        night.mute(1, "N")
    else:
        night.call("DELETE", "holds")
    night.go("2026-03-03 18:46")
    assert 1 not in night.muted
    for method in ("batch", "im.recent.list"):
        night.portal.faults.add(Fault.html(502), method=method, times=None)
    night.go("2026-03-03 19:01")
    night.portal.faults.clear()
    night.go("2026-03-03 22:00")
    assert 1 not in night.muted
    night.go("2026-03-04 12:00")
    assert night.muted == ({2} if how != "let go" else set())
    night.go("2026-03-04 18:00")
    assert 1 in night.muted, "another window"


@pytest.mark.parametrize("how", ["unmute", "let go"])
def test_an_unmute_that_is_carried_out_by_a_look_that_cannot_read_the_chats_wins(night: Night, how: str) -> None:
    night.put("night", "19:00-08:00")
    night.go("2026-03-03 18:31")
    for method in ("batch", "im.recent.list"):
        night.portal.faults.add(Fault.html(502), method=method, times=None)
    night.portal.faults.add(Fault.html(502), method="im.chat.mute", times=4)
    if how == "unmute":
        assert night.stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1, "MUTE": "N"}).status >= 500
    else:
        night.call("DELETE", "holds")
    night.portal.faults.clear()
    night.portal.faults.add(
        Fault.error("ERROR_UNEXPECTED_ANSWER", status=500), method="im.recent.list", in_batch=True, times=None
    )
    night.portal.faults.add(
        Fault.error("ERROR_UNEXPECTED_ANSWER", status=500), method="im.dialog.get", in_batch=True, times=None
    )
    night.go("2026-03-03 18:35")
    assert 1 not in night.muted, "told by the record alone"
    night.portal.faults.clear()
    night.go("2026-03-03 22:00")
    assert 1 not in night.muted
    night.go("2026-03-04 12:00")
    night.go("2026-03-04 18:00")
    assert 1 in night.muted, "another window"
