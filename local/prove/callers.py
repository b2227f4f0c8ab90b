"""What callers of the API, schedules and people at their bells do in an episode, and what they hear."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from local.prove.faults import Killed
from local.prove.hours import instant
from local.prove.scene import ANN, CI, Person, Scene
from local.prove.sight import Violation
from local.virtual import Answer

_REFUSED = frozenset({400, 403, 404, 405, 412, 413, 422})
_CODES = {
    409: {"IDEMPOTENCY_IN_PROGRESS", "CONFLICT"}, 412: {"PRECONDITION_FAILED"}, 422: {"IDEMPOTENCY_KEY_REUSED"},
    500: {"INTERNAL_SERVER_ERROR"}, 504: {"PORTAL_TIMEOUT"},
    503: {"QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "OVERLOAD_LIMIT"},
}  # fmt: skip
"""design.md's table, of the statuses that have few."""
_WAITS = {
    "IDEMPOTENCY_IN_PROGRESS": (1, 1), "QUERY_LIMIT_EXCEEDED": (2, 2), "OPERATION_TIME_LIMIT": (1, 3600),
    "OVERLOAD_LIMIT": (1, 900),
}  # fmt: skip
"""``Retry-After``, at least and at most."""
_FINAL = frozenset(
    {"ACCESS_ERROR", "CHAT_ID_EMPTY", "ERROR_UNEXPECTED_ANSWER", "USER_CHANGED", "UNTIL_PAST", "OVERTAKEN"}
)
"""What a chat of a job may end with; all else passes, and is waited for."""
TRIES = 3
JOB_MINUTES = 6.0


class Callers(Scene):
    """Each method but the helpers is a kind of step; ``chance`` is the step's own."""

    # ---- one chat ---------------------------------------------------------------------------------------------------

    def mute(self, person: Person, chance: random.Random) -> None:
        """A mute without end."""
        self._ask(person, chance, self._chat(person, chance), "mute")

    def unmute(self, person: Person, chance: random.Random) -> None:
        """An unmute."""
        self._ask(person, chance, self._chat(person, chance), "unmute")

    def until(self, person: Person, chance: random.Random) -> None:
        """A mute for a time."""
        self._ask(person, chance, self._chat(person, chance), "until")

    def twins(self, person: Person, chance: random.Random) -> None:
        """Two calls about one chat at once."""
        chat = self._chat(person, chance)
        for _ in range(2):
            self._ask(person, chance, chat, chance.choice(("mute", "unmute", "until", "until")))

    def direct(self, person: Person, chance: random.Random) -> None:
        """A schedule's own payload, perhaps delivered twice, and again if it fails."""
        self._ask(person, chance, self._chat(person, chance), "direct")

    def _chat(self, person: Person, chance: random.Random) -> int:
        chats = sorted(number for number, sight in person.judge.sights.items() if sight.named is not None)
        if person.favourite not in chats or chance.random() < 0.5:
            person.favourite = chance.choice(chats)
        return person.favourite

    def _ask(
        self, person: Person, chance: random.Random, chat: int, what: str, *, patient: bool | None = None
    ) -> None:  # fmt: skip
        if person.foreign and what != "until":
            return  # a plain call does what the portal takes it for: somebody else's chat
        caller, body = chance.choice((ANN, CI)), self._named(person, chance, chat)
        owner, end = f"caller:{caller}", None
        if what == "until" or (what == "direct" and chance.random() < 0.5):
            end = self._until(chance, body)
        else:
            body["MUTE"] = "N" if what == "unmute" or (what == "direct" and chance.random() < 0.5) else "Y"
        headers: dict[str, str] = {}
        if what == "direct":
            schedule = f"nightly{chance.randint(0, 2)}"
            body |= {"account": person.name, "schedule": f"arn:aws:scheduler:eu-west-1:0:schedule/default/{schedule}",
                     "at": text(self.world.now)}  # fmt: skip
            owner = f"schedule:{schedule}"
        elif chance.random() < 0.4:
            headers["Idempotency-Key"] = f"key-{chance.getrandbits(40)}"
            others = sorted({key for _, key in person.keys} - {key for one, key in person.keys if one == caller})
            if others and chance.random() < 0.5:  # somebody else's key is another key
                headers["Idempotency-Key"] = chance.choice(others)
            person.keys.add((caller, headers["Idempotency-Key"]))
        asked = "unmute" if body.get("MUTE") == "N" else "mute"
        number = person.judge.begin([chat], asked, self.world.now, owner=owner, until=end)
        self.say(f"{person.name}: {what} {body} by {owner.rpartition('/')[2]}{' with a key' if headers else ''}")
        call = self._payload if what == "direct" else self._mute_call
        likely = chance.random() < 0.6 if patient is None else patient
        patient = "FOR" not in body and likely  # a length would count from each try
        self.world.spawn(lambda: self._until_done(
            person, number, lambda: call(person, body, headers, caller, end), patient=patient or what == "direct",
            pause=60.0 if what == "direct" else chance.uniform(0.5, 20)))  # fmt: skip

    def _until_done(
        self, person: Person, number: int, call: Callable[[], bool | None], *, patient: bool, pause: float,
        by_look: bool = False,
    ) -> None:  # fmt: skip
        """Asks again while nobody knows; a person gives up, a schedule's payload is tried three times."""
        sure, began, ask = None, self.world.now, person.judge.asks[number][0]
        for tries in range(TRIES if patient else 1):
            if tries:
                self.world.turns.sleep(pause)
            said = call()
            sure = said if said or (tries == 0 and said is False) else None
            if said is not None:
                break
        met = self.world.met(person.name, began)
        alone = len(met) <= tries + 1
        if ask.until is None and not alone:
            person.judge.may_fail(number, self.world.now)
        if sure is False and not alone:  # two refused at once: the second's record may bring the first's back
            sure = None
        by_look = by_look or sure is None  # it stays recorded, and the next look finds out
        while by_look and self.world.now < max(began + 1.5, person.judge.loud_by):
            self.world.turns.sleep(30)
        self._end(person, number, sure=sure, alone=alone)

    def _end(self, person: Person, number: int, **more: Any) -> None:
        try:
            person.judge.end(number, self.world.now, **more)
        except Violation as violation:
            self.fail(person, str(violation))

    def _mute_call(
        self, person: Person, body: dict[str, Any], headers: dict[str, str], caller: str, end: float | None
    ) -> bool | None:
        route = f"/{person.name}/im.chat.mute"
        answer = self.call(person, "POST", route, body, headers=headers, caller=caller)
        if answer is None or answer.status not in {200, *_REFUSED}:
            return None
        if answer.status == 200:
            if answer.body["result"] is not True or (end is not None and not _ends(body, answer.body["until"], end)):
                self.fail(person, f"a strange answer: {answer.body}")
            if headers and "Idempotency-Replayed" not in answer.headers:
                person.replays.append((route, caller, body, headers, self.world.now, answer.body))
            return True
        return False if self._may_be_refused(person, body, answer) else None

    def _may_be_refused(self, person: Person, body: dict[str, Any], answer: Answer) -> bool:
        chat = self._found(person, body)
        sight = person.judge.sights.get(chat) if chat else None
        if sight is None or sight.named is None or not sight.mutable or answer.body["error"] == "ACCOUNT_NOT_FOUND":
            return True
        past = "in the future" in answer.body["error_description"]
        if not past and self.world.now > person.judge.loud_by:
            self.fail(person, f"{body} was refused: {answer.status} {answer.body}")
        return True

    def _payload(
        self, person: Person, body: dict[str, Any], _headers: dict[str, str], _caller: str, _end: float | None
    ) -> bool | None:
        try:
            answer = self.world.invoke(body)
        except Killed:
            return None
        except Exception as error:  # noqa: BLE001  Lambda tries an asynchronous invocation again, whatever it was
            self.say(f"{person.name}: the payload failed, {error!r:.60}")
            return None
        if answer.get("result") is True and self.world.chance.random() < 0.3:  # at least once, says AWS
            self.after(self.world.chance.choice((0.0, 1.0, 30.0)), lambda: self._again(body))
        return answer.get("result") is True or None

    def _again(self, body: dict[str, Any]) -> None:
        with suppress(Exception):
            self.world.invoke(body)

    def replay(self, person: Person, chance: random.Random) -> None:
        """A call that succeeded before, once more with its key: it is answered, and nothing is done."""
        fresh = [one for one in person.replays if self.world.now - one[4] < 23 * 60]
        if not fresh:
            return
        route, caller, body, headers, _, former = chance.choice(fresh)
        other = chance.random() < 0.3
        sent = {**body, "REASON": "another"} if other else body
        self.say(f"{person.name}: again with its key, {sent}")

        def work() -> None:
            answer = self.call(person, "POST", route, sent, headers=headers, caller=caller)
            if answer is None or answer.status >= 500 or answer.status == 409:
                return
            if other:
                if answer.status != 422:
                    self.fail(person, f"a key is taken for another request: {answer}")
            elif (answer.status, answer.body, "Idempotency-Replayed" in answer.headers) != (200, former, True):
                self.fail(person, f"no replay: {answer}")

        self.world.spawn(work)

    def click(self, person: Person, chance: random.Random) -> None:  # type: ignore[override]
        """A person's click on a bell."""
        chat = self._chat(person, chance)
        if person.judge.sights[chat].mutable:
            super().click(person, chat)

    # ---- many chats -------------------------------------------------------------------------------------------------

    def job(self, person: Person, chance: random.Random) -> None:
        """Many chats at once."""
        if person.foreign:
            return
        self.world.with_jobs.add(person.name)
        sights, caller = person.judge.sights, chance.choice((ANN, CI))
        some = sorted({self._chat(person, chance) for _ in range(4)})
        named = chance.random() < 0.6
        body: dict[str, Any] = {
            "chats": [self._name(person, chance, chat) for chat in some] if named else {"all": True}
        }
        end = None
        if chance.random() < 0.6:
            fields: dict[str, Any] = {}
            end = self._until(chance, fields)
            body |= {name.lower(): value for name, value in fields.items() if name != "REASON"}
        else:
            body["mute"] = chance.choice("YN")
        what = "unmute" if body.get("mute") == "N" else "mute"
        chats = some if named else [n for n, sight in sights.items() if sight.named is not None and sight.mutable]
        owner = f"caller:{caller}"
        number = person.judge.begin(chats, what, self.world.now, of_all=not named, owner=owner, until=end)
        self.say(f"{person.name}: a job {body}")
        self.world.spawn(lambda: self._job(person, number, body, caller))

    def _job(self, person: Person, number: int, body: dict[str, Any], caller: str) -> None:
        asked_at = self.world.now
        answer = self.call(person, "POST", f"/{person.name}/mutes", body, caller=caller)
        if answer is None or answer.status != 202:
            if answer is not None and answer.status < 500:
                self._end(person, number, sure=False)
                return
            while int(self.item(person).get("jobs", {"N": "0"})["N"]):
                self.world.turns.sleep(60)
            self._end(person, number, sure=None)
            return
        job = answer.body["job"]
        if self.world.chance.random() < 0.2:
            self.after(self.world.chance.choice((0.0, 0.5, 0.99, 1.01, 2.0)), lambda: self._cancel(person, job))
        shown = self._job_done(person, job, asked_at)
        if shown is None:
            self.world.turns.sleep(120)  # a look that has begun ends
            self._end(person, number, sure=None)
            return
        chats = person.judge.asks[number][1]
        good = {self._by_name(person, one["dialog_id"]) for one in shown["outcomes"] if one["result"]}
        bad = {self._by_name(person, one["dialog_id"]): one["error"] for one in shown["outcomes"] if not one["result"]}
        for chat, error in bad.items():
            sight = person.judge.sights.get(chat) if chat else None
            usual = sight is None or sight.named is None or not sight.mutable or error == "UNTIL_PAST"
            if error == "OVERTAKEN":  # somebody else has said something newer about it
                usual = person.judge.asked_since(chat or 0, asked_at, besides=number)
            young = self.world.now - asked_at < 23 * 60
            if (not usual and self.world.now > person.judge.quiet_by) or (error not in _FINAL and young):
                self.fail(person, f"a job did not do chat{chat}: {error}")
        met = {chat for chat in chats if "until" not in body and "for" not in body
               and person.judge.asked_since(chat, asked_at, besides=number)}  # fmt: skip
        self._end(person, number, sure=True, chats=chats & good - met)
        self._end(person, number, sure=None, chats=chats - (good - met))

    def _cancel(self, person: Person, job: str) -> None:
        answer = self.call(person, "DELETE", f"/{person.name}/jobs/{job}")
        calm = self.world.now > person.judge.loud_by
        if answer is not None and answer.status not in {204, 409} and answer.status < 500 and calm:
            self.fail(person, f"a job cannot be cancelled: {answer}")

    def _job_done(self, person: Person, job: str, asked_at: float) -> dict[str, Any] | None:
        wait, path = 45.0, f"/{person.name}/jobs/{job}"
        while True:
            self.world.turns.sleep(wait)
            wait = min(wait * 1.5, 900.0)
            answer = self.call(person, "GET", path)
            if answer is not None and answer.status == 200 and answer.body["state"] == "cancelled":
                return None
            if answer is not None and answer.status == 200 and answer.body["state"] == "done":
                shown: dict[str, Any] = answer.body
                while answer is None or answer.status != 200 or answer.body["next"]:
                    answer = self.call(person, "GET", f"{path}?next={len(shown['outcomes'])}")
                    shown["outcomes"] += answer.body["outcomes"] if answer is not None and answer.status == 200 else []
                counts, told = shown["counts"], len(shown["outcomes"])
                if not counts["total"] == counts["done"] + counts["failed"] == told:
                    self.fail(person, f"a job's counts and outcomes differ: {shown}")
                return shown
            if self.world.now > max(asked_at, person.judge.quiet_by, person.judge.loud_by) + JOB_MINUTES:
                self.fail(person, f"a job is not done: {answer and answer.body}")
                return None

    def let_go(self, person: Person, _chance: random.Random) -> None:
        """Letting go of everything."""
        number = person.judge.begin(person.judge.sights, "let go", self.world.now)
        self.say(f"{person.name}: lets go of all")

        def call() -> bool | None:
            answer = self.call(person, "DELETE", f"/{person.name}/holds")
            return True if answer is not None and answer.status == 202 else None

        self.world.spawn(lambda: self._until_done(person, number, call, patient=True, pause=10, by_look=True))

    # ---- helpers ----------------------------------------------------------------------------------------------------

    def call(
        self, person: Person, method: str, path: str, body: Any = None, *,
        headers: dict[str, str] | None = None, caller: str = ANN,
    ) -> Answer | None:  # fmt: skip
        """A request; None if the process died."""
        calm = self.world.now > person.judge.loud_by and not self.world.weather.failing
        try:
            answer = self.world.call(method, path, body, headers=headers, caller=caller)
        except Killed:
            self.say(f"{person.name}: {method} {path} was killed")
            return None
        if answer.status != 200:
            self.say(f"{person.name}: {method} {path} -> {answer.status} {answer.body and answer.body.get('error')}")
        if strange := _strange(answer):
            self.fail(person, f"{method} {path} is answered {answer.status} {answer.body}: {strange}")
        full = answer.status == 503 and person.host in self.tight
        if answer.status >= 500 and not full and calm and self.world.now > person.judge.loud_by:
            self.fail(person, f"{method} {path} is answered {answer.status} {answer.body} without any trouble")
        return answer

    def _name(self, person: Person, chance: random.Random, chat: int) -> str:
        named = person.judge.sights[chat].named
        return chance.choice(sorted(named.ids if named else [f"chat{chat}"]))

    def _named(self, person: Person, chance: random.Random, chat: int) -> dict[str, Any]:
        if chance.random() < 0.4:
            return {"CHAT_ID": chat}
        return {"DIALOG_ID": self._name(person, chance, chat)}

    def _found(self, person: Person, body: dict[str, Any]) -> int | None:
        return body["CHAT_ID"] if "CHAT_ID" in body else self._by_name(person, body["DIALOG_ID"])

    def _by_name(self, person: Person, name: str) -> int | None:
        sights = person.judge.sights.values()
        found = next((sight.number for sight in sights if sight.named and name in sight.named.ids), None)
        return found or (int(name.removeprefix("chat")) if name.startswith("chat") else None)

    def _until(self, chance: random.Random, body: dict[str, Any]) -> float:
        """An end, in a call's fields, as it is written or as a length."""
        lengths = (1, 2, 5, 20, 60, 240) if self.plan.small else (5, 20, 60, 240, 600, 1500)
        length = chance.choice(lengths) * 60 + chance.choice((0, 0, 7))
        now = self.world.clock.now()
        end = now + timedelta(seconds=length)
        if chance.random() < 0.5:
            end = end.replace(microsecond=0)
            body["UNTIL"] = end.strftime("%Y-%m-%dT%H:%M:%SZ")
        else:
            body["FOR"] = f"PT{length}S"
        body["REASON"] = "the auditors are here"
        return end.replace(microsecond=0).timestamp() / 60


def _ends(body: dict[str, Any], told: str, end: float) -> bool:
    """Whether an answer tells the end that was asked for; a length counts from the try that succeeded."""
    after = datetime.fromisoformat(told).timestamp() / 60 - end
    return 0 <= round(after, 6) < (2 if "FOR" in body else 1e-3)


def text(minute: float) -> str:
    """An instant as the API tells it."""
    return (instant(minute) + timedelta(microseconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _strange(answer: Answer) -> str | None:
    """What is wrong with an error's status, code or ``Retry-After``, by the contract's table."""
    if answer.status < 400:
        return None
    code, wait = answer.body["error"], answer.headers.get("Retry-After")
    if answer.status in _CODES and code not in _CODES[answer.status]:
        return "not by the table"
    if answer.status == 502 and code in _CODES[503] | _CODES[504]:
        return "not by the table"
    waits = _WAITS.get(code)
    if waits is not None and not (wait and wait.isdecimal() and waits[0] <= int(wait) <= waits[1]):
        return f"Retry-After is {wait}"
    return None
