"""Many accounts through the real queue while their workers are killed: nothing is lost, nothing is muted twice."""

from local.crowd import Size, run
from local.portal import Portal
from local.stack import running
from local.world import furnish


def test_nothing_is_lost_and_nothing_is_muted_twice_though_workers_are_killed() -> None:
    portal = Portal()
    furnish(portal)
    with running(portal) as stack:
        report = run(stack, Size(portals=3, accounts=3, chats=40), kill_every=1.5, seconds=60)
    assert report.killed >= 1, "or this proves nothing"
    assert (report.lost, report.twice, report.wrong) == (0, 0, 0)
    assert (report.accounts, report.chats) == (9, 360)
