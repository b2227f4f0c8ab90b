"""Many chats to mute or unmute: what was asked for, and how far it has come."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chat_mute.errors import InvalidParameter, TooLarge
from chat_mute.quiet_hours import reading
from chat_mute.quiet_hours.reading import PolicyError
from chat_mute.quiet_hours.selection import All, Only, parse_selection
from chat_mute.request import Terms

CHATS_MAX = 1000
FIELDS = frozenset({"chats", "mute", "until", "for", "reason"})
KEPT = timedelta(days=7)
GIVE_UP = timedelta(days=1)
"""A portal in trouble is asked again for so long; then the chats that are left have failed."""
QUEUED, RUNNING, DONE, CANCELLED = "queued", "running", "done", "cancelled"
State = str


class Result(NamedTuple):
    """What became of one chat: ``error`` is a code, None for a success."""

    dialog_id: str
    error: str | None


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        id: never the same again.
        by: the owner of its holds, ``caller:ID``.
        terms: which state, until when, why.
        chats: names, each once; None until the first look where they are taken from a selection.
        selection: what the chats are taken from.
        state: ``queued``, ``running``, ``done`` or ``cancelled``.
        position: how many of the chats have their result.
        failed: how many of those have failed.
        created_at: when it was asked for.
        started_at: when the first look began.
        finished_at: when it was done or cancelled.
        overtaken: chats that somebody has asked for something else for meanwhile, by number: theirs is newer.
    """

    id: str
    by: str
    terms: Terms
    chats: tuple[str, ...] | None
    selection: All | None
    created_at: datetime
    state: State = QUEUED
    position: int = 0
    failed: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    overtaken: frozenset[int] = frozenset()

    @property
    def open(self) -> bool:
        """Whether there is anything left to do."""
        return self.state in {QUEUED, RUNNING}

    @property
    def sort(self) -> str:
        """Orders jobs by their age."""
        return f"{self.created_at.isoformat()}#{self.id}"

    def begun(self, chats: tuple[str, ...], now: datetime) -> "Job":
        """The job with its chats, at its first look."""
        return replace(self, state=RUNNING, chats=chats, started_at=now).advanced([], now)

    def advanced(self, results: list[Result], now: datetime) -> "Job":
        """The job with some more results, in whatever order; done where they are the last."""
        chats, told = self.chats or (), [result.dialog_id for result in results]
        left = [name for name in chats[self.position :] if name not in set(told)]
        position = self.position + len(results)
        return replace(
            self,
            chats=(*chats[: self.position], *told, *left),
            position=position,
            failed=self.failed + sum(result.error is not None for result in results),
            state=self.state if left else DONE,
            finished_at=None if left else now,
        )

    def repeats(self, other: "Job") -> bool:
        """Whether both ask for the same; ends given as ``for`` count from different instants, so they are left out."""
        mine, theirs = ((job.by, job.terms.muted, job.terms.reason, job.selection) for job in (self, other))
        return mine == theirs and (self.selection is not None or set(self.chats or ()) == set(other.chats or ()))

    def is_overtaken_by(self, by: str, *, muted: bool, until: datetime | None) -> bool:
        """Whether doing it later would undo what is asked for now, or add nothing to it.

        The other state; another end of the same owner; a mute without end, which outlasts one with an end.
        """
        outlasts = self.terms.until is not None and (until is None or self.by == by)
        return self.terms.muted != muted or outlasts

    def without(self, chats: frozenset[int]) -> "Job":
        """The job after somebody has asked for something else for some chats."""
        return replace(self, overtaken=self.overtaken | chats)

    def failing(self, code: str, at_most: int, now: datetime) -> tuple["Job", list[Result]]:
        """The job with some of what is left of it failed, and those results; one that never began has no chats."""
        begun = self if self.started_at else self.begun(self.chats or (), now)
        results = [Result(name, code) for name in (begun.chats or ())[begun.position :][:at_most]]
        return begun.advanced(results, now), results

    def cancelled(self, now: datetime) -> "Job":
        """The job without what is left of it."""
        return replace(self, state=CANCELLED, finished_at=now)


class JobRequest(NamedTuple):
    """The body of ``POST /{account}/mutes``, read."""

    chats: tuple[str, ...] | None
    selection: All | None
    terms: Terms

    @classmethod
    def parse(cls, fields: Mapping[str, Any], now: datetime, *, past: bool = False) -> "JobRequest":
        """Reads the body; unknown fields already refused. For ``past`` see `Terms.parse`.

        Raises:
            TooLarge: more than 1,000 chats.
            InvalidParameter: the first fault.
        """
        given = fields.get("chats")
        listed = given.get("only") if isinstance(given, Mapping) else given
        if isinstance(listed, list) and len(listed) > CHATS_MAX:
            raise TooLarge(f"At most {CHATS_MAX:,} chats at once.")
        try:
            chats = reading.dialog_ids(given, "chats") if isinstance(given, list) else None
            selection = None if isinstance(given, list) else parse_selection(given)
            if isinstance(selection, Only):
                chats, selection = selection.chats, None
        except PolicyError as error:
            fault = error
        else:
            if chats == ():
                raise InvalidParameter("chats", "must name at least one chat.")
            return cls(chats, selection, Terms.parse(fields, now=now, since=now, past=past, spelled=str.lower))
        raise InvalidParameter(fault.field, f"{fault.reason}.")

    def fields(self) -> dict[str, Any]:
        """The fields after parsing: two requests are the same if these are."""
        terms = self.terms
        return {
            "chats": self.selection.to_json() if self.selection else list(self.chats or ()),
            "mute": terms.muted,
            "until": terms.until.isoformat() if terms.until and terms.lasting is None else None,
            "for": terms.lasting,
            "reason": terms.reason,
        }


def job_text(job: Job) -> str:
    """A job without its id, as it is stored."""
    return json.dumps(
        {
            "by": job.by,
            "mute": job.terms.muted,
            "until": _text(job.terms.until),
            "reason": job.terms.reason,
            "chats": job.chats,
            "selection": job.selection and job.selection.to_json(),
            "state": job.state,
            "position": job.position,
            "failed": job.failed,
            "created_at": _text(job.created_at),
            "started_at": _text(job.started_at),
            "finished_at": _text(job.finished_at),
            "overtaken": sorted(job.overtaken),
        },
        ensure_ascii=False,
    )


def read_job(job_id: str, text: str) -> Job:
    """What `job_text` has written."""
    stored = json.loads(text)
    created_at = datetime.fromisoformat(stored["created_at"])
    return Job(
        id=job_id,
        by=stored["by"],
        terms=Terms(stored["mute"], _moment(stored["until"]), None, stored["reason"]),
        chats=None if stored["chats"] is None else tuple(stored["chats"]),
        selection=_selection(stored["selection"]),
        created_at=created_at,
        state=stored["state"],
        position=stored["position"],
        failed=stored["failed"],
        started_at=_moment(stored["started_at"]),
        finished_at=_moment(stored["finished_at"]),
        overtaken=frozenset(stored["overtaken"]),
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _selection(document: object) -> All | None:
    selection = parse_selection(document) if document else None
    return selection if isinstance(selection, All) else None
