"""Who and what an episode is about: portals with their people and chats, accounts with their judges."""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from local.portal import Limits, Portal
from local.portal.chats import PRIVATE, Chat
from local.prove.hours import Named, Span, minutes
from local.prove.judge import Judge
from local.prove.plan import Plan
from local.prove.quiet import Quiet
from local.prove.sight import Slack, Violation
from local.prove.world import World
from local.virtual import ACCOUNTS, IDEMPOTENCY, STATE

BEN = 547
"""A colleague of everybody, whose own bells are nobody's business."""
ANN, CI = "arn:aws:iam::000000000000:user/ann", "arn:aws:iam::000000000000:user/ci"
SECRET = "c0de5ecret"  # noqa: S105  every webhook's code begins so; it must never come out
RATE = {"burst": 4, "per_second": 0.5}
_MARGIN = timedelta(days=5)
_MANY, _MORE_THAN_A_BATCH = 0.06, 57
"""The share of small episodes' users with so many chats that they take more than one `batch`."""


@dataclass
class Person:
    """An account.

    Attributes:
        policies: its policies as they are stored, with what is skipped of each.
        foreign: the portal acts for somebody else with its secret.
        replays: calls that succeeded with an ``Idempotency-Key``.
        keys: the callers and keys of all that were made with one.
        left: chats left, and since when.
        mending: somebody is about to replace its lost tokens.
        tokens_at: when its tokens were last seen to be good.
        favourite: the chat that was last chosen, and is often chosen again.
    """

    name: str
    host: str
    user: int
    oauth: bool
    judge: Judge
    policies: dict[str, tuple[Mapping[str, Any], Span | None]] = field(default_factory=dict)
    foreign: bool = False
    replays: list[tuple[str, str, Any, dict[str, str], float, Any]] = field(default_factory=list)
    keys: set[tuple[str, str]] = field(default_factory=set)
    left: dict[int, float] = field(default_factory=dict)
    mending: bool = False
    tokens_at: float = 0.0
    favourite: int = 0


class Scene:
    """The world of an episode with its people; what is judged of all of it at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chance = random.Random(f"{plan.seed} scene")  # noqa: S311  no secret
        self.world = World(plan.start, random.Random(f"{plan.seed} calls"), self._struck, self._late)  # noqa: S311
        self.people: list[Person] = []
        self.secrets: set[str] = {SECRET}
        self.trace: list[str] = []
        self.tight: set[str] = set()
        self._seen: dict[str, int] = defaultdict(int)
        self._codes = 0
        self._failed: str | None = None
        self._judged = self.world.now

    def say(self, text: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{self.world.clock.now():%m-%d %H:%M:%S.%f}"[:-4] + f" {text}")

    def fail(self, person: Person, what: str) -> None:
        """Something is wrong that a thread has seen; `judge` tells."""
        self._failed = self._failed or f"{person.name}: {what}"

    def after(self, length: float, work: Callable[[], object]) -> None:
        """Does something so many minutes later, beside all else."""

        def run() -> None:
            self.world.turns.sleep(length * 60)
            work()

        self.world.spawn(run)

    def _struck(self, what: str) -> None:
        self.say(f"  ! {what}")
        for person in self.people:
            person.judge.killed(self.world.now)
        self.world.net.forget(self.world.turns.seconds - 1)

    def _late(self, host: str) -> None:
        """A portal's trouble is not over while its answers are held up, and what it held up may count together."""
        self.world.net.neighbour(host, self.world.turns.seconds)
        for person in self.people:
            if person.host == host:
                person.judge.disturbed(self.world.now, 0.0, Slack.USUAL)

    # ---- furniture --------------------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """One or two portals, each with a user or some."""
        small = self.plan.small
        for number in range(self.chance.choice((1,) if small else (1, 1, 2))):
            host = "portal1.example" if number else "portal.example"  # the first is a token server too
            tight = self.chance.random() < 0.3
            portal = self.world.add_portal(
                host, limits=Limits(burst=RATE["burst"], per_second=RATE["per_second"]) if tight else Limits()
            )
            if tight:
                self.tight.add(host)
                self.world.net.tight.add(host)
            portal.quirks.recent_mute_list = self.chance.choice(("object", "list", "object_with_false"))
            portal.quirks.non_member = self.chance.choice(("access_error", "false"))
            portal.quirks.batch_refuses = self.chance.choice((frozenset(), frozenset(), frozenset({"im.chat.mute"})))
            portal.limits.cost = {"im.chat.mute": 0.2}
            portal.add_user(BEN, "Ben Meyer")
            for user in range(1, self.chance.choice((2, 2, 2, 3) if small else (2, 2, 3, 4))):
                self._hire(host, portal, user)
        self.world.turns.sleep(1)

    def _hire(self, host: str, portal: Portal, user: int) -> None:
        portal.add_user(user, f"User {user}")
        first, last = self.plan.start - _MARGIN, self.plan.start + timedelta(days=self.plan.days) + _MARGIN
        name = f"a{len(self.people)}"
        quiet = Quiet(int(minutes(first)), int(minutes(last)))
        judge = Judge(name, quiet, lambda chat: portal.is_muted(user, chat))
        person = Person(name, host, user, host == "portal.example" and self.chance.random() < 0.35, judge)
        self.people.append(person)
        self.world.users[name] = host, user
        small = self.plan.small
        many = small and host not in self.tight and not portal.quirks.batch_refuses and self.chance.random() < _MANY
        for number in range(_MORE_THAN_A_BATCH if many else self.chance.randint(*((1, 3) if small else (3, 6)))):
            kind, title = self.chance.choice(("chat", "chat", "open", "lines")), "Deal" if number % 2 else "Chat"
            chat = portal.add_chat(user * 100 + number, members=[user, BEN], title=f"{title} {number}4", type=kind)
            if self.chance.random() < 0.3 and chat.may_be_muted():
                portal.mute_by_hand(user, chat.id)
        if not small or self.chance.random() < 0.4:
            portal.add_private(user, BEN, user * 100 + 80)
        if not small or self.chance.random() < 0.3:
            portal.add_workgroup(user, user * 100 + 60, members=[user, BEN])
        if not small or self.chance.random() < 0.3:
            portal.add_chat(user * 100 + 70, members=[user, BEN], title="Deal archive", has_messages=False)
        portal.mute_by_hand(BEN, user * 100)
        for chat in portal.chats.values():
            if user in chat.members:
                self.appears(person, chat)
        self.give_secret(person)
        self._seen[host] = len(portal.journal.events)

    def appears(self, person: Person, chat: Chat) -> None:
        """The account's user is in a chat from now on."""
        person.judge.appears(
            chat.id, self.named(person, chat), mutable=chat.may_be_muted(),
            listed=chat.has_messages and chat.type != "lines", now=self.world.now,
        )  # fmt: skip

    def named(self, person: Person, chat: Chat) -> Named:
        """A chat as policies see it."""
        ids = {f"chat{chat.id}", str(chat.dialog_id(person.user)).lower()}
        ids |= {name for name, number in self.portal(person).aliases.items() if number == chat.id}
        private = chat.type == PRIVATE
        title = self.portal(person).users[chat.partner_of(person.user)].name if private else chat.title
        return Named(frozenset(ids), frozenset({"private", "user"} if private else {chat.type.casefold()}), title)

    def portal(self, person: Person) -> Portal:
        """The account's portal."""
        return self.world.portals[person.host]

    def new_code(self) -> str:
        """A webhook's code."""
        self._codes += 1
        return f"{SECRET}{self._codes}x"

    def give_secret(self, person: Person) -> None:
        """A new webhook or new tokens, and the secret with them."""
        portal, rate = self.portal(person), {"rate": RATE} if person.host in self.tight else {}
        if person.oauth:
            app = next(iter(portal.oauth.apps.values()), None) or portal.oauth.add_app()
            pair = portal.oauth.issue(app, person.user, f"https://{person.host}")
            self.secrets |= {pair["access_token"], pair["refresh_token"], app.client_secret}
            secret = {"client_id": app.client_id, "client_secret": app.client_secret, **pair}
        else:
            code = portal.add_webhook(person.user, self.new_code()).code
            secret = {"webhook_url": f"https://{person.host}/rest/{person.user}/{code}/"}
        self.world.put_account(person.name, {**secret, **rate})

    def secret(self, person: Person) -> dict[str, Any]:
        """What the account's secret holds now."""
        stored = self.world.secrets.get_secret_value(SecretId=f"quiet-hours/{person.name}")
        document: dict[str, Any] = json.loads(stored["SecretString"])
        return document

    def item(self, person: Person, sort: str = "account") -> dict[str, Any]:
        """What is stored of the account."""
        key = {"pk": {"S": f"account#{person.name}"}, "sk": {"S": sort}}
        found: dict[str, Any] = self.world.dynamodb.get_item(TableName=STATE, Key=key).get("Item", {})
        return found

    # ---- judging ----------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Judges every account as it is now.

        Raises:
            Violation: naming the account.
        """
        self._judged = self.world.now
        if failed := self._failed or next(iter(self.world.over), None):
            raise Violation(failed)
        for host, portal in self.world.portals.items():
            events = portal.journal.events[self._seen[host] :]
            self._seen[host] += len(events)
            changes: dict[int, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
            for event in events:
                self.say(f"  {host} chat{event.chat_id} of {event.user_id} {'muted' if event.muted else 'audible'}")
                changes[event.user_id][event.chat_id].append(event.muted)
            mine = {person.user: person for person in self.people if person.host == host}
            if others := changes.keys() - mine.keys():
                raise Violation(f"{host}: chats of users {sorted(others)} were touched, who have no account")
            for user, person in mine.items():
                self._judge(person, changes[user])

    def _judge(self, person: Person, changes: Mapping[int, list[bool]]) -> None:
        if person.oauth and not person.mending and self.world.flying == 0:
            self._mend_tokens(person)
        try:
            person.judge.check(self.world.now, changes)
        except Violation as violation:
            raise Violation(f"{person.name}: {violation}") from None

    def _mend_tokens(self, person: Person) -> None:
        """Tokens may be lost by a crash in the one moment that design.md names; a person installs the app again."""
        if self.secret(person)["refresh_token"] in self.portal(person).oauth._refresh:  # noqa: SLF001  nobody else tells
            person.tokens_at = self.world.now
            return
        if person.tokens_at > person.judge.loud_by:
            raise Violation(f"{person.name}: its tokens are lost, and nothing had happened")
        person.mending = True
        self.say(f"{person.name}: tokens are lost; somebody will install the app again")
        person.judge.disturbed(self.world.now, 30.0, Slack.USUAL)

        def mend() -> None:
            self.world.turns.sleep(30 * 60)
            self.give_secret(person)
            person.mending = False
            self.say(f"{person.name}: new tokens")

        self.world.spawn(mend)

    def click(self, person: Person, chat: int) -> None:
        """A person presses the bell in Bitrix24."""
        self.judge()
        muted = not self.portal(person).is_muted(person.user, chat)
        self.portal(person).mute_by_hand(person.user, chat, muted=muted)
        self._seen[person.host] += 1
        self.say(f"{person.name}: chat{chat} {'muted' if muted else 'unmuted'} by hand")
        flies = any(flight.end > self.world.now for flight in self.world.met(person.name, self.world.now))
        person.judge.click(chat, muted=muted, now=self.world.now, met=flies)

    def leaks(self) -> list[str]:
        """Where a secret has come out: into a stored item, a message, a log line, an answer or an exception."""
        for person in self.people:
            if person.oauth:
                self.secrets |= {self.secret(person)[name] for name in ("access_token", "refresh_token")}
        texts = {"an item": json.dumps([self.world.dynamodb.items(name) for name in (STATE, IDEMPOTENCY)])}
        texts |= {"a log line": self.world.said.getvalue(), "a message": json.dumps(self.world.bodies)}
        texts["an answer or an exception"] = self.world.told.getvalue()
        queues = [self.world.queues._queues[url].messages.by_number for url in (ACCOUNTS,)]  # noqa: SLF001
        texts["a queue"] = json.dumps([message.body for queue in queues for message in queue.values()])
        return [where for where, text in texts.items() if any(secret in text for secret in self.secrets)]
