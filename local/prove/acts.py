"""What people do about policies and chats in an episode."""

import json
import math
import random
from functools import partial
from typing import Any

from local.prove.callers import TRIES, text
from local.prove.hours import Span, policy_hours
from local.prove.plan import Step
from local.prove.plan import policy as random_policy
from local.prove.scene import Person
from local.prove.sight import Slack, Violation
from local.prove.views import Views
from local.virtual import Answer

_MEANWHILE = ("policy", "toggle", "drop", "skip", "mute", "unmute", "until", "let_go", "job", "click")
_NAMES = ("night", "evening", "weekend")


class Acts(Views):
    """Each method without an underscore is a kind of step; ``chance`` is the step's own."""

    def act(self, step: Step) -> None:
        """One step."""
        chance = random.Random(step.seed)  # noqa: S311  no secret
        person = chance.choice(self.people)
        getattr(self, step.kind)(person, chance)

    def during(self, person: Person, chance: random.Random) -> None:
        """Something that wants a look, and something else while that look goes on."""
        first, second = chance.choice(("policy", "toggle", "job", "until")), chance.choice(_MEANWHILE)
        later = math.ceil(self.world.now) - self.world.now + chance.uniform(0.0002, 0.012)
        getattr(self, first)(person, chance)

        def run() -> None:
            self.world.turns.sleep(later * 60)
            try:
                getattr(self, second)(person, chance)
            except Violation as violation:
                self.fail(person, str(violation))

        self.world.spawn(run)

    # ---- policies ---------------------------------------------------------------------------------------------------

    def policy(self, person: Person, chance: random.Random) -> None:
        """A new policy, or another one under the same name."""
        names = sorted(name for sight in person.judge.sights.values() if sight.named for name in sight.named.ids)
        document = random_policy(chance, self.plan, names)
        self._put(person, chance.choice(_NAMES), document)

    def toggle(self, person: Person, chance: random.Random) -> None:
        """Disables a policy, or enables it."""
        if person.policies:
            name = chance.choice(sorted(person.policies))
            document = dict(person.policies[name][0])
            self._put(person, name, {**document, "enabled": not document.get("enabled", True)})

    def _put(self, person: Person, name: str, document: dict[str, Any]) -> None:
        kept = person.policies[name][1] if name in person.policies else None
        kept = kept if kept and kept[1] > self.world.now else None
        self._edit(
            person, {**person.policies, name: (document, kept)}, name, "PUT", f"quiet-hours/{name}", body=document
        )

    def drop(self, person: Person, chance: random.Random) -> None:
        """Deletes a policy."""
        if person.policies:
            name = chance.choice(sorted(person.policies))
            rest = {other: policy for other, policy in person.policies.items() if other != name}
            self._edit(person, rest, name, "DELETE", f"quiet-hours/{name}")

    def skip(self, person: Person, chance: random.Random) -> None:
        """Skips a policy's running or next window."""
        if not person.policies:
            return
        name = chance.choice(sorted(person.policies))
        document, _ = person.policies[name]
        enabled = document.get("enabled", True)
        span = (
            policy_hours(document, person.judge.quiet.first, person.judge.quiet.last).coming(self.world.now)
            if enabled
            else None
        )
        if span is None or span[1] > person.judge.quiet.last - 1440 or span[0] < person.judge.quiet.first + 1440:
            return
        self._edit(
            person, {**person.policies, name: (document, span)}, name, "POST", f"quiet-hours/{name}/skip", span=span
        )
        if chance.random() < 0.5:
            self.after(chance.choice((0.1, 2.5)), partial(getattr(self, chance.choice(("unskip", "toggle", "policy"))),
                       person, chance))  # fmt: skip

    def unskip(self, person: Person, chance: random.Random) -> None:
        """Takes a skip back."""
        skipped = sorted(name for name, (_, span) in person.policies.items() if span)
        if skipped:
            name = chance.choice(skipped)
            policies = {**person.policies, name: (person.policies[name][0], None)}
            self._edit(person, policies, name, "DELETE", f"quiet-hours/{name}/skip")

    def _edit(
        self, person: Person, policies: dict[str, Any], name: str, method: str, path: str, *,
        body: Any = None, span: Span | None = None,
    ) -> None:  # fmt: skip
        """Changes policies; whatever the answer is, what is stored afterwards is what counts."""
        if len(person.judge.quiet.versions) > 1:
            return
        self.say(f"{person.name}: {method} {path} {json.dumps(body) if body else ''}")
        before = self.item(person, f"policy#{name}").get("version")
        person.judge.editing(policies, self.world.now)

        def work() -> None:
            for tries in range(TRIES):
                self.world.turns.sleep(5.0 * tries)
                answer = self.call(person, method, f"/{person.name}/{path}", body)
                if answer is not None and answer.status < 500:
                    break
            stored = self.item(person, f"policy#{name}").get("version") != before
            if answer is not None and answer.status < 300:
                self._skip_is(person, answer, span)
                if not stored and policies != person.policies:
                    self.fail(person, f"{method} {path} is answered {answer.status} and nothing is stored")
            elif answer is not None and answer.status < 500 and tries == 0 and self.world.now > person.judge.loud_by:
                self.fail(person, f"{method} {path} is answered {answer.status} {answer.body}")
            if stored:
                person.policies = policies
            person.judge.edited(person.policies, self.world.now)

        self.world.spawn(work)

    def _skip_is(self, person: Person, answer: Answer, span: Span | None) -> None:
        if span is not None and answer.body["skipped"] != {"start": text(span[0]), "end": text(span[1])}:
            self.fail(person, f"{answer.body} is skipped instead of {text(span[0])} to {text(span[1])}")

    # ---- chats ------------------------------------------------------------------------------------------------------

    def new_chat(self, person: Person, chance: random.Random) -> None:
        """A chat the user is taken into."""
        title = f"{chance.choice(('Deal', 'Lunch'))} {chance.randint(0, 99)}"
        chat = self.portal(person).add_chat(members=[person.user], title=title)
        self.say(f"{person.name}: new chat{chat.id} {title}")
        self.appears(person, chat)

    def rename(self, person: Person, chance: random.Random) -> None:
        """A chat gets another title."""
        chat = self.portal(person).chats[self._chat(person, chance)]
        chat.title = f"{chance.choice(('Deal', 'Lunch'))} {chance.randint(0, 99)}"
        self.say(f"{person.name}: chat{chat.id} is {chat.title} now")
        person.judge.renamed(chat.id, self.named(person, chat), self.world.now)

    def leave(self, person: Person, chance: random.Random) -> None:
        """The user leaves a chat."""
        chat = self._chat(person, chance)
        if sum(sight.named is not None for sight in person.judge.sights.values()) > 4:
            self.say(f"{person.name}: leaves chat{chat}")
            self.portal(person).leave(person.user, chat)
            person.left[chat] = self.world.now
            person.judge.vanishes(chat)

    def join(self, person: Person, _chance: random.Random) -> None:
        """The user comes back."""
        for chat, since in list(person.left.items()):
            if self.world.now - since > 2 * Slack.NEW:
                self.say(f"{person.name}: joins chat{chat}")
                self.portal(person).join(person.user, chat)
                del person.left[chat]
                self.appears(person, self.portal(person).chats[chat])
