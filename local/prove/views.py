"""What the API shows, against the model: a chat, the policies, what they will do; and preconditions of changes."""

import random
from datetime import datetime
from typing import Any

from local.prove.callers import Callers, text
from local.prove.hours import hours, means, zone
from local.prove.quiet import Policies
from local.prove.scene import Person
from local.prove.sight import Violation
from local.virtual import Answer


class Views(Callers):
    """Each method without an underscore is a kind of step."""

    def view(self, person: Person, chance: random.Random) -> None:
        """Somebody looks at a chat."""
        if person.foreign:
            return
        chat = self._chat(person, chance)
        name = self._name(person, chance, chat)

        def work() -> None:
            answer = self._get(person, f"chats/{name}", chat)
            if answer is None or self.world.now < person.judge.loud_by:
                return
            change = answer.body["next_change"]
            shown = {
                "muted": answer.body["muted"],
                "owners": {one["owner"]: _minute(one["until"]) for one in answer.body["holds"]},
                "stays": bool(answer.body["prior_muted"] or answer.body["keep"]),
                "override": _minute(answer.body["overridden_until"]),
                "change": change and (_minute(change["at"]), change["muted"]),
            }
            try:
                person.judge.shown(chat, self.world.now, **shown)
            except Violation as violation:
                self.fail(person, f"{violation}, but is shown as {answer.body}")

        self.world.spawn(work)

    def policies(self, person: Person, _chance: random.Random) -> None:
        """Somebody looks at the policies, and at when each begins or ends next."""

        def work() -> None:
            version, began = self._stored(person), self.world.now
            answer = self._get(person, "quiet-hours")
            if answer is None or version is None or self._stored(person) is not version:
                return
            shown = {policy["name"]: policy["next_change"] for policy in answer.body["policies"]}
            if shown.keys() != version.keys():
                self.fail(person, f"the policies are {sorted(version)} and are shown as {sorted(shown)}")
            for name in shown.keys() & version.keys():
                mine = person.judge.quiet.of(name)
                edge = mine.next_edge(began)
                wanted = {"at": text(edge), "muted": mine.at(began) is None} if edge < person.judge.quiet.last else None
                told = wanted is not None or _near(person, shown[name])
                if edge > person.judge.quiet.last - 2 * 1440:
                    continue  # too far to be known
                if told and wanted != shown[name] and edge > self.world.now:
                    self.fail(person, f"{name} changes next {wanted} and is shown with {shown[name]}")

        self.world.spawn(work)

    def preview(self, person: Person, chance: random.Random) -> None:
        """Somebody looks ahead."""
        version = self._stored(person)
        if not version or person.foreign:
            return
        name, days, began = chance.choice(sorted(version)), chance.choice((1, 2, 3)), self.world.now
        document, skipped = version[name]

        def work() -> None:
            answer = self._get(person, f"quiet-hours/{name}/preview?days={days}&chats=1", version=version)
            if answer is None or self._stored(person) is not version:
                return
            first, last = person.judge.quiet.first, person.judge.quiet.last
            spans = hours([({**document, "enabled": True}, skipped)], first, last).spans
            spans = tuple(span for span in spans if span[1] > began - 1 and span[0] < began + days * 1440 + 1)
            edge = min(
                (abs(at - end) for span in spans for at in span for end in (began, began + days * 1440)), default=9
            )
            if edge > 1 and all(first < span[0] and span[1] < last for span in spans):
                place = zone(document["timezone"])
                wanted = [(*map(text, span), *(_local(edge, place) for edge in span)) for span in spans]
                names = ("start", "end", "local_start", "local_end")
                shown = [tuple(window[name] for name in names) for window in answer.body["windows"]]
                if shown != wanted:
                    self.fail(person, f"{name} is quiet {wanted} and is previewed as {shown}")
            self._means(person, document, answer.body["chats"], began)

        self.world.spawn(work)

    def _means(self, person: Person, document: Any, shown: list[dict[str, Any]], began: float) -> None:
        came = any(sight.touched >= began for sight in person.judge.sights.values())
        left = any(since >= began for since in person.left.values())
        if person.judge.lost_track or came or left:
            return
        sights = [sight for sight in person.judge.sights.values() if sight.named is not None]
        wanted = {
            sight.number for sight in sights
            if sight.named and means(document["chats"], sight.named) and (sight.listed or "only" in document["chats"])
        }  # fmt: skip
        found = {chat["chat_id"] for chat in shown if chat["chat_id"] is not None}
        if found - wanted or {sight.number for sight in sights if sight.listed} & wanted - found:
            self.fail(person, f"{document['chats']} means {sorted(wanted)} and not {sorted(found)}")

    def stale_put(self, person: Person, chance: random.Random) -> None:
        """A change of a policy that is not the one that somebody has seen: refused, and nothing is stored."""
        name = chance.choice(("night", "evening"))
        headers = chance.choice(({"If-Match": '"gone"'}, {"If-None-Match": "*"}))
        before = self._stored(person)
        if before is None or ("If-None-Match" in headers and name not in before):
            return
        document = {"timezone": "UTC", "windows": [{"days": ["mon"], "start": "00:00", "end": "24:00"}],
                    "chats": {"all": True}}  # fmt: skip

        def work() -> None:
            path = f"/{person.name}/quiet-hours/{name}"
            answer = self.call(person, "PUT", path, document, headers=headers)
            if answer is not None and self._stored(person) is before and answer.status != 412 and answer.status < 500:
                self.fail(person, f"PUT {name} with {headers} is answered {answer.status}")

        self.world.spawn(work)

    @staticmethod
    def _stored(person: Person) -> Policies | None:
        """The policies, if nobody is changing them now."""
        versions = person.judge.quiet.versions
        return versions[0] if len(versions) == 1 else None

    def _get(
        self, person: Person, path: str, chat: int | None = None, *, version: Policies | None = None
    ) -> Answer | None:  # fmt: skip
        """An answer if there is one; None in trouble, and where what is asked for has gone meanwhile."""
        answer = self.call(person, "GET", f"/{person.name}/{path}")
        if answer is None or answer.status == 200:
            return answer
        left = chat is not None and person.judge.sights[chat].named is None
        left |= version is not None and self._stored(person) is not version
        if answer.status < 500 and not left and self.world.now > person.judge.loud_by:
            self.fail(person, f"GET {path} is answered {answer.status} {answer.body}")
        return None


def _minute(told: str | None) -> float | None:
    return datetime.fromisoformat(told).timestamp() / 60 if told else None


def _local(edge: int, place: Any) -> str:
    return datetime.fromtimestamp(edge * 60, place).isoformat()


def _near(person: Person, change: dict[str, Any] | None) -> bool:
    return change is not None and (_minute(change["at"]) or 0) < person.judge.quiet.last - 2 * 1440
