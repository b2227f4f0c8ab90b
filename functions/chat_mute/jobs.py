"""Use case: mute or unmute many chats; what was asked for is done by looks at the account, and told as it comes."""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chat_mute.accounts import Accounts
from chat_mute.documents import utc
from chat_mute.errors import Busy, NotFound, ReleaseOnly
from chat_mute.job import Job, JobRequest
from chat_mute.observability import Telemetry
from chat_mute.store import Saved, Store
from chat_mute.table import Conflict

PAGE = 100
_TRIES = 5
_DAY = timedelta(days=1)
_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)


class Jobs:
    """Jobs as the API makes and shows them."""

    def __init__(
        self, accounts: Accounts, store: Store, telemetry: Telemetry, *, release_only: bool = False
    ) -> None:  # fmt: skip
        self._accounts = accounts
        self._store = store
        self._telemetry = telemetry
        self._release_only = release_only

    def create(
        self, account: str, request: JobRequest, *, by: str, now: datetime, key: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Accepts a job; it begins with the next tick.

        Args:
            account: whose chats.
            request: which, and what of them.
            by: the owner: ``caller:ID``.
            now: aware.
            key: what a repetition has too, so that one whose first call died after it was accepted finds its job.

        Raises:
            AccountNotFound: no such account.
            Busy: the account is being changed all the time.
            ReleaseOnly: it is about mutes, and nothing is muted at present.
        """
        if self._release_only and request.terms.muted:
            raise ReleaseOnly
        portal = self._accounts.credentials(account).portal
        job_id = secrets.token_hex(8) if key is None else hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
        job = Job(job_id, by, request.terms, request.chats, request.selection, now)
        job = self._add(account, job, now, portal)
        self._telemetry.logger.info("job accepted", extra={"account": account, "job": job.id, "by": by})
        self._telemetry.count("JobAccepted")
        return {"job": job.id, "chats": None if job.chats is None else len(job.chats)}

    def show(self, account: str, job_id: str, after: int) -> dict[str, Any]:
        """A job, and a page of its outcomes.

        Raises:
            AccountNotFound, NotFound: no such account, no such job.
        """
        job = self._there(account, job_id).value
        results = self._store.results(account, job_id, after)[: max(0, job.position - after)]
        following = after + len(results)
        return {
            "job": job.id,
            "state": job.state,
            "counts": {
                "total": None if job.chats is None else len(job.chats),
                "done": job.position - job.failed,
                "failed": job.failed,
            },
            "outcomes": [
                {"dialog_id": result.dialog_id, "result": result.error is None, "error": result.error}
                for result in results
            ],
            "next": str(following) if results and following < job.position else None,
            "started_at": job.started_at and utc(job.started_at),
            "finished_at": job.finished_at and utc(job.finished_at),
        }

    def cancel(self, account: str, job_id: str, *, by: str, now: datetime) -> None:
        """Stops a job; what it has done stays done. Nothing to do where it has ended.

        Raises:
            AccountNotFound, NotFound: no such account, no such job.
            Busy: it makes progress all the time.
        """
        for _ in range(_TRIES):
            saved = self._there(account, job_id)
            if not saved.value.open:
                return
            try:
                self._store.save_job(account, saved.value.cancelled(now), saved.version, [])
            except Conflict:
                continue
            self._telemetry.logger.info("job cancelled", extra={"account": account, "job": job_id, "by": by})
            return
        raise Busy

    def _add(self, account: str, job: Job, now: datetime, portal: str) -> Job:
        """Stores the job, or finds it stored by a call before; a key that is older than a day counts as new."""
        for _ in range(_TRIES):
            try:
                self._store.add_job(account, job, now=now, portal=portal)
            except Conflict:
                found = self._store.job(account, job.id)
            else:
                return job
            if found is None:
                continue
            if job.repeats(found.value) and now - found.value.created_at <= _DAY:
                return found.value
            job = replace(job, id=secrets.token_hex(8))
        raise Busy

    def _there(self, account: str, job_id: str) -> Saved[Job]:
        self._accounts.credentials(account)
        saved = self._store.job(account, job_id) if _ID.fullmatch(job_id) else None  # DynamoDB's keys are bounded
        if saved is None:
            raise NotFound("job")
        return saved
