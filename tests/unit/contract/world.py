"""The world that the document's examples are about, and what makes each of them true."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from local.virtual import Answer, VirtualStack
from tests.conftest import WEBHOOK_MARK
from tests.unit.contract.document import operations

ANN = 503
HOST = "example.bitrix24.com"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EVENING = datetime(2026, 11, 24, 18, 1, tzinfo=UTC)
JOB = "5f0c9a1b2c3d4e5f"
MUTE, MUTES, NIGHT = "/default/im.chat.mute", "/default/mutes", "/default/quiet-hours/night"


class World:
    """Ann's account: one deal's chat, a workgroup's, and the one with Ben; nothing is muted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self.stack = VirtualStack(start=NOON)
        self.portal = self.stack.add_portal(HOST)
        for user, name in ((ANN, "Ann Lee"), (547, "Ben Ray")):
            self.portal.add_user(user, name)
        self.portal.add_chat(1489, members=[ANN, 547], title="Deal 1489")
        self.portal.add_workgroup(7, 99, members=[ANN])
        self.portal.add_private(ANN, 547, 50)
        code = self.portal.add_webhook(ANN, f"{WEBHOOK_MARK}1").code
        self.stack.put_account("default", {"webhook_url": f"https://{HOST}/rest/{ANN}/{code}/"})
        if monkeypatch:
            self._name_jobs(monkeypatch)

    def ok(self, method: str, path: str, body: Any = None) -> Answer:
        """A step on the way, which must succeed."""
        answer = self.stack.call(method, path, body)
        assert answer.status < 300, answer
        return answer

    def night(self) -> None:
        """The policy of the examples, saved."""
        self.ok("PUT", NIGHT, operations()["putPolicy"].requests["night"])

    def evening(self) -> None:
        """The same, and its window has begun."""
        self.night()
        self.stack.minute(EVENING)

    def job(self) -> None:
        """The first job of the examples, accepted."""
        self.ok("POST", MUTES, operations()["muteChats"].requests["named"])

    @staticmethod
    def _name_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
        """The first job is called as in the examples; versions, which are random too, are as ever."""
        names = itertools.chain([JOB], (f"{number:016x}" for number in itertools.count()))
        monkeypatch.setattr("chat_mute.jobs.secrets.token_hex", lambda _: next(names))


def _held(world: World) -> None:
    world.night()
    world.ok("POST", MUTE, {"CHAT_ID": 1489, "UNTIL": "2026-11-25T12:00:00Z", "REASON": "release"})
    world.stack.minute(EVENING)


def _job_done(world: World) -> None:
    world.job()
    world.portal.leave(ANN, 50)
    world.stack.minute(datetime(2026, 11, 24, 12, 1, tzinfo=UTC))


def _spring(world: World) -> None:
    world.ok("PUT", NIGHT, operations()["previewUnsaved"].requests["spring"])


def _webhook_deleted(world: World) -> None:
    world.portal.delete_webhook(ANN)


def _secret_not_readable(world: World) -> None:
    world.stack.put_account("default", {"webhook": "is missing"})


BEFORE: dict[tuple[str, str], Callable[[World], None]] = {
    ("checkAccount", "webhook_deleted"): _webhook_deleted,
    ("checkAccount", "secret_not_readable"): _secret_not_readable,
    ("showJob", "queued"): World.job,
    ("showJob", "done"): _job_done,
    ("cancelJob", ""): World.job,
    ("showChat", "held"): _held,
    ("showChat", "audible"): World.night,
    ("listHolds", "held"): World.evening,
    ("letGo", "some"): World.evening,
    ("listPolicies", "one"): World.night,
    ("showPolicy", "night"): World.night,
    ("putPolicy", "named_chats"): World.night,
    ("deletePolicy", ""): World.night,
    ("previewPolicy", "spring"): _spring,
    ("skipWindow", "nothing"): World.night,
    ("unskipWindow", ""): World.night,
}
"""What must have happened before an example of an operation; nothing, where it is not here."""
