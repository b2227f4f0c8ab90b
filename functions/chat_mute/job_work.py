"""A job's part of a look: some hundred chats at a time, each with its result, until the time or the job ends."""

from collections.abc import Sequence

from bitrix24 import Outcome
from bitrix24.errors import Bitrix24Error, is_final
from chat_mute.job import GIVE_UP, Job, Result
from chat_mute.look import CHUNK, Look, Task
from chat_mute.parallel import chunks
from chat_mute.quiet_hours.decision import Action, Because, Decision
from chat_mute.quiet_hours.requests import explicit_mute, explicit_unmute, with_caller
from chat_mute.quiet_hours.situation import Situation
from chat_mute.store import Saved
from chat_mute.table import Conflict


class JobWork:
    """One open job in one look, after the ``older`` ones.

    Doing a chat twice changes nothing, so a job whose progress was lost repeats its last chats. Those that wait for
    trouble to pass come last.
    """

    def __init__(self, look: Look, saved: Saved[Job], older: Sequence["JobWork"] = ()) -> None:
        self._look = look
        self._job, self._version = saved
        self._older = older

    @property
    def names(self) -> set[str]:
        """The chats that are yet to do, by their names; they may not be on the portal's list."""
        return set((self._job.chats or ())[self._job.position :])

    @property
    def open(self) -> bool:
        """Whether there is anything left to do."""
        return self._job.open

    def go_on(self) -> None:
        """Does each chat once, as far as there is time. Somebody may have cancelled the job meanwhile: it ends here.

        Chats a selection means are taken from a list that is whole, or not yet.
        """
        look = self._look
        try:
            if self._job.started_at is None:
                partial = look.trouble or look.unfinished
                if self._job.chats is None and partial and look.now - self._job.created_at <= GIVE_UP:
                    return
                self._store(self._job.begun(self._chats(), look.now), [])
            for names in chunks((self._job.chats or ())[self._job.position :], CHUNK):
                if look.broken is not None or not self._job.open:
                    return
                if look.time_left() <= 0:
                    look.unfinished = True
                    return
                results = self._do(names)
                if results:
                    self._store(self._job.advanced(results, look.now), results)
        except Conflict:
            look.unfinished = True

    def leave(self, chats: frozenset[int], newer: Job) -> None:
        """Leaves chats to a newer job, where this one waits and would undo later what that does now.

        Raises:
            Conflict: somebody has changed this one meanwhile.
        """
        if not self.open or chats <= self._job.overtaken:
            return
        if self._job.is_overtaken_by(newer.by, muted=newer.terms.muted, until=newer.terms.until):
            self._store(self._job.without(chats), [])

    def _unwanted(self, tasks: list[Task]) -> list[Task]:
        """Those of a job that was cancelled, or overtaken for their chat, while the portal was read.

        The records are stored by now, so whoever comes later sees them.
        """
        fresh = self._look.store.job(self._look.account, self._job.id)
        if fresh is None or fresh.value.position != self._job.position:
            return tasks
        self._job, self._version = fresh
        return [task for task in tasks if not self._job.open or task.chat_id in self._job.overtaken]

    def _chats(self) -> tuple[str, ...]:
        job = self._job
        if job.chats is not None:
            return job.chats
        chats = self._look.chats.values()
        meant = [chat for chat in chats if job.selection and job.selection.means(chat) and chat.mutable is not False]
        return tuple(chat.dialog_id for chat in meant)

    def _do(self, names: list[str]) -> list[Result]:
        """The chats' results, without those that must wait for trouble to pass."""
        look, terms = self._look, self._job.terms
        if terms.until is not None and terms.until <= look.now:
            return [Result(name, "UNTIL_PAST") for name in names]
        known = {name: chat.chat_id for chat in look.chats.values() for name in chat.ids}
        tasks = {known[name]: self._task(look.situation(known[name])) for name in names if name in known}
        wanted = [task for task in tasks.values() if task.chat_id not in self._job.overtaken]
        for older in self._older:
            older.leave(frozenset(task.chat_id for task in wanted), self._job)
        outcomes = look.tell(wanted, Action.MUTE if terms.muted else Action.UNMUTE, self._unwanted)
        if not self._job.open:  # cancelled meanwhile
            return []
        results = [self._result(name, tasks.get(known.get(name, 0)), outcomes) for name in names]
        return [result for result in results if result is not None]

    def _task(self, situation: Situation) -> Task:
        return Task(situation, self._decision(situation))

    def _decision(self, situation: Situation) -> Decision:
        job = self._job
        if job.terms.until is not None:
            return with_caller(situation, job.by, job.terms.until, job.terms.reason)
        return (explicit_mute if job.terms.muted else explicit_unmute)(situation, job.by)

    def _result(self, name: str, task: Task | None, outcomes: dict[int, Outcome]) -> Result | None:
        look = self._look
        if task is None:
            return Result(name, "ACCESS_ERROR") if name in look.gone else self._waiting(name)
        if task.chat_id in self._job.overtaken:
            return Result(name, "OVERTAKEN")
        if task.decision.because is Because.FOREIGN and task.decision.action is Action.LEAVE:
            return Result(name, "USER_CHANGED")
        outcome = outcomes.get(task.chat_id)
        if outcome is None:
            return self._waiting(name)
        if not isinstance(outcome, Bitrix24Error):
            return Result(name, None)
        return Result(name, outcome.code) if is_final(outcome) else self._waiting(name, outcome.code)

    def _waiting(self, name: str, code: str = "PORTAL_TIMEOUT") -> Result | None:
        return Result(name, code) if self._look.now - self._job.created_at > GIVE_UP else None

    def _store(self, job: Job, results: list[Result]) -> None:
        look = self._look
        self._version = look.store.save_job(look.account, job, self._version, results)
        self._job = job
        if not job.open:
            counts = {"chats": job.position, "failed": job.failed}
            look.telemetry.logger.info("job done", extra={"account": look.account, "job": job.id, **counts})
            look.telemetry.count("JobDone")
