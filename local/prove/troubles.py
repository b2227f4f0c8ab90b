"""What goes wrong in an episode, and for how long; the judges are told of each, and allow for nothing else."""

import math
import random
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from local.portal import Fault
from local.prove.acts import Acts
from local.prove.scene import BEN, Person
from local.prove.sight import Slack

_LENGTHS = (0.3, 2.0, 10.0, 45.0, 200.0)
_SHORT = 10.0
"""Minutes that troubles of a small episode last at most."""
_NOTICE = 4.0
"""Minutes in which calls that are under way come to their end."""
PAUSES = {"OPERATION_TIME_LIMIT": 10.0, "OVERLOAD_LIMIT": 15.0}
"""Minutes for which a portal is left alone after it said so: until `operating_reset_at`, or for 15 minutes."""


class Troubles(Acts):
    """Each method is a kind of step."""

    def portal_trouble(self, person: Person, chance: random.Random) -> None:
        """A portal's bad time, of one method or of all, once or for a while."""
        portal, length = self.portal(person), self._length(chance)
        fault, single = chance.choice(_portal_faults())
        method = chance.choice((None, None, "batch", "im.chat.mute"))
        in_batch = single and chance.random() < 0.5
        times = chance.choice((1, 2, 3, 5, None, None))
        if in_batch:
            method = chance.choice(("im.chat.mute", "im.chat.mute", "im.recent.list", "im.dialog.get"))
        portal.faults.add(fault, method=method, times=times, in_batch=in_batch)
        pause = next((minutes for code, minutes in PAUSES.items() if code in fault.name), 0.0)
        self._count("portal: " + fault.name)
        self.say(f"{person.host}: {fault.name} {method} {times=} {in_batch=} for {length} minutes")
        self._disturb(person.host, length + pause)
        self._later(length, lambda: self._calm(person.host))
        if chance.random() < 0.6:
            self.while_it_lasts(person, chance, length)

    def while_it_lasts(self, person: Person, chance: random.Random, length: float) -> None:
        """Somebody asks for something in the middle of it."""
        what = chance.choice(("until", "until", "mute", "unmute", "job", "let_go", "direct"))
        later = chance.uniform(0, min(length, 5.0))
        self.after(later, partial(getattr(self, what), person, chance))

    def _calm(self, host: str) -> None:
        """A portal's trouble is over; requests that it has held up may still count together."""
        self.world.portals[host].faults.clear()
        self.world.net.neighbour(host, self.world.turns.seconds)

    def aws_trouble(self, _person: Person, chance: random.Random) -> None:
        """AWS's bad time."""
        length = self._length(chance)
        self.world.weather.failing = chance.choice((0.02, 0.1, 0.3))
        self.say(f"AWS fails {self.world.weather.failing} for {length} minutes")
        self._disturb(None, length, Slack.KILLED)
        self._later(length, lambda: setattr(self.world.weather, "failing", 0.0))

    def dying(self, _person: Person, chance: random.Random) -> None:
        """Processes die."""
        length = self._length(chance)
        self.world.weather.dying = chance.choice((0.1, 0.5))
        self.say(f"processes die {self.world.weather.dying} for {length} minutes")
        self._disturb(None, length, Slack.KILLED)
        self._later(length, lambda: setattr(self.world.weather, "dying", 0.0))

    def gap(self, _person: Person, chance: random.Random) -> None:
        """The schedule does not tick, up to a day and more."""
        length = self._length(chance, 400.0, 1600.0)
        self.world.ticking = False
        self._count("schedule: gap")
        self.say(f"no ticks for {length} minutes")
        self._disturb(None, length, quiet=Slack.USUAL)

        def again() -> None:
            self.world.ticking = True

        self._later(length, again)

    def old_tick(self, _person: Person, chance: random.Random) -> None:
        """A tick that comes late, or once more, or a little early."""
        now = self.world.clock.now()
        at = now + timedelta(minutes=chance.choice((-1440, -600, -5, -1, 0, 1.9)))
        if at > now:
            self._disturb(None, 2.0, quiet=Slack.USUAL)
            for person in self.people:
                person.judge.ahead(self.world.now, self.world.now + 2.0)
        self._count("schedule: stray tick")
        self.world.tick_once(at)

    def two_ticks(self, person: Person, chance: random.Random) -> None:
        """The next tick comes twice at once: each account that is due is queued by one of them."""
        self.policy(person, chance)
        queued, before = list[int](), dict[str, int]()

        def leases() -> dict[str, int]:
            return {one.name: int(self.item(one).get("leases", {"N": "0"})["N"]) for one in self.people}

        def tick() -> None:
            if not before:
                before.update(leases())
            with suppress(Exception):
                queued.append(self.world.tick())
            calm = not self.world.weather.failing and not self.world.weather.dying
            taken = {name: number - before[name] for name, number in leases().items()}
            if len(queued) == 2 and calm and (sum(queued) > sum(taken.values()) or max(taken.values()) > 1):
                self.fail(person, f"two ticks at once queued {queued} accounts, by {taken} leases")
            self.world.pump()

        def both() -> None:
            self.world.turns.sleep((math.ceil(self.world.now) - self.world.now) * 60)
            for _ in range(2):
                self.world.spawn(tick)

        self._count("schedule: two ticks at once")
        self.world.spawn(both)

    def old_message(self, _person: Person, chance: random.Random) -> None:
        """A message that had been delivered before."""
        if self.world.bodies:
            body = chance.choice(self.world.bodies)
            self._count("queue: stray message")

            def deliver() -> None:
                with suppress(Exception):
                    self.world.handle(body)

            self.world.spawn(deliver)

    def again(self, _person: Person, chance: random.Random) -> None:
        """Messages come twice."""
        self.world.again = 0.5
        self._count("queue: duplicates")
        self._later(chance.choice((60.0, 600.0)), lambda: setattr(self.world, "again", 0.0))

    def deploy(self, _person: Person, _chance: random.Random) -> None:
        """A new version: new processes, which remember nothing."""
        self.say("a deploy")
        self.world.deploy()

    def rotate(self, person: Person, chance: random.Random) -> None:
        """A new webhook, before or after the old one is gone; or the app is installed again."""
        portal, old = self.portal(person), self.secret(person)
        late = chance.choice((0.0, 0.0, 3.0, 3.0 if self.plan.small else 50.0))
        self._count("account: rotated")
        self.say(f"{person.name}: its secret is replaced{f' {late} minutes late' if late else ''}")
        if late:
            self._disturb(person.host, late)
            self._take_away(portal, person, old)
            self._later(late, lambda: self.give_secret(person))
            return
        self.give_secret(person)
        self._take_away(portal, person, old)

    @staticmethod
    def _take_away(portal: Any, person: Person, old: dict[str, Any]) -> None:
        if person.oauth:
            portal.oauth.expire(old["access_token"])
        else:
            portal.webhooks.pop(old["webhook_url"].rstrip("/").rpartition("/")[2], None)

    def owner(self, person: Person, chance: random.Random) -> None:
        """The webhook acts for somebody else, for a while."""
        if person.oauth or person.foreign or self.portal(person).faults.pending():
            return
        length = self._length(chance, 600.0, 600.0)
        code = self.secret(person)["webhook_url"].rstrip("/").rpartition("/")[2]
        webhook = self.portal(person).webhooks.get(code)
        if webhook is None:
            return
        person.foreign = True  # from now on nobody asks for what the portal would do for Ben, unasked who it is
        self._count("account: owner changed")
        self.say(f"{person.name}: the webhook will be Ben's for {length} minutes")
        self._disturb(person.host, _NOTICE + length)

        def change() -> None:
            while person.foreign and self.world.flying:  # a look asks who it is once; what comes after it cannot see
                self.world.turns.sleep(1)
            webhook.owner_id = BEN if person.foreign else person.user

        self._later(_NOTICE, change)
        if chance.random() < 0.4:  # and nobody is told so by the list
            hidden = Fault.error("INTERNAL_SERVER_ERROR", status=500)
            self.portal(person).faults.add(hidden, method="im.recent.list", in_batch=True, times=None)

        def back() -> None:
            webhook.owner_id, person.foreign = person.user, False
            self.portal(person).faults.clear()

        self._later(_NOTICE + length, back)

    def moved(self, person: Person, chance: random.Random) -> None:
        """The portal answers with redirects, for a while."""
        portal, length = self.portal(person), self._length(chance)
        portal.rename("https://elsewhere.example")
        self._count("portal: moved")
        self.say(f"{person.host}: moved for {length} minutes")
        self._disturb(person.host, length)
        self._later(length, lambda: setattr(portal, "moved_to", None))

    def full(self, person: Person, _chance: random.Random) -> None:
        """A neighbour fills the portal's bucket."""
        portal = self.portal(person)
        portal.limits.fill(portal.clock())
        self.world.net.neighbour(person.host, self.world.turns.seconds)
        self._count("portal: full")
        self._disturb(person.host, 1.0, quiet=Slack.USUAL)

    def tokens_lost(self, person: Person, _chance: random.Random) -> None:
        """The answer to a refresh is lost, and the tokens with it."""
        if person.oauth:
            portal = self.portal(person)
            portal.faults.add(Fault.reset_after_effect(), method="oauth.token", times=1)
            portal.oauth.expire(self.secret(person)["access_token"])
            self._count("account: refresh lost")
            self.say(f"{person.name}: the next refresh is lost")
            self._disturb(person.host, 75.0)
            self._later(75.0, portal.faults.clear)

    def foreign_post(self, person: Person, chance: random.Random) -> None:
        """Requests that make no sense, or are about somebody else's chat, change nothing."""
        theirs = sorted(chat.id for chat in self.portal(person).chats.values() if person.user not in chat.members)
        if theirs and not person.foreign:
            chat = chance.choice(theirs)
            answer = self.call(person, "POST", f"/{person.name}/im.chat.mute", {"CHAT_ID": chat})
            if answer is not None and answer.status < 400:
                self.fail(person, f"a mute of chat{chat}, where the user is not, is answered {answer.status}")
        for body in (
            {"CHAT_ID": "042"},
            {"MUTE": "Y"},
            {"CHAT_ID": 7, "DIALOG_ID": "chat7"},
            {"ACTION": "Y", "CHAT_ID": 1},
        ):
            answer = self.call(person, "POST", f"/{person.name}/im.chat.mute", body)
            if answer is not None and answer.status != 400 and answer.status < 500:
                self.fail(person, f"{body} is answered {answer.status}")

    def _length(self, chance: random.Random, *longer: float) -> float:
        lengths = [length for length in (*_LENGTHS, *longer) if length <= _SHORT or not self.plan.small]
        return chance.choice(lengths)

    def _disturb(
        self, host: str | None, length: float, loud: float = Slack.USUAL, quiet: float = Slack.TROUBLE
    ) -> None:  # fmt: skip
        """Trouble of one portal's accounts, or of all; and the slack after it, for releases and for mutes."""
        for person in self.people:
            if host in {None, person.host}:
                person.judge.disturbed(self.world.now, length, loud, quiet)

    def _later(self, length: float, end: Any) -> None:
        def run() -> None:
            self.say(f"over: what began {length} minutes ago")
            end()

        self.after(length, run)

    def _count(self, what: str) -> None:
        self.world.weather.seen[what] += 1


def _portal_faults() -> tuple[tuple[Fault, bool], ...]:
    """Faults, and whether a command of a batch can have each."""
    alone = (
        Fault.error("OVERLOAD_LIMIT", status=503), Fault.html(502), Fault.html(500), Fault.empty(),
        Fault.reset_before_effect(), Fault.reset_after_effect(), Fault.reset_after_effect(),
        Fault.slow_after_effect(7), Fault.slow_after_effect(200), Fault.slow_before_effect(40),
        Fault.truncated(), Fault.trickle(), Fault.bad_json(), Fault.error_quoting_url(),
    )  # fmt: skip
    commands = (
        Fault.error("QUERY_LIMIT_EXCEEDED", status=503), Fault.error("OPERATION_TIME_LIMIT", status=429),
        Fault.error("INTERNAL_SERVER_ERROR", status=500), Fault.no_result(), Fault.result(None),
    )  # fmt: skip
    return *((fault, False) for fault in alone), *((fault, True) for fault in commands)
