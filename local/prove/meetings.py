"""What goes wrong at the very moment at which somebody asks for something."""

import math
import random
from functools import partial

from local.portal import Fault
from local.prove.faults import Call
from local.prove.scene import Person
from local.prove.sight import Slack
from local.prove.troubles import PAUSES, Troubles

_STATUS = {"OPERATION_TIME_LIMIT": 429, "OVERLOAD_LIMIT": 503}
_LONGEST_OUTAGE = 30.0
"""Minutes."""
_CALLS = ("until", "mute", "unmute", "click", "view")


class Meetings(Troubles):
    """Each method is a kind of step."""

    def lost_answers(self, person: Person, chance: random.Random) -> None:
        """A call takes effect, or does not, and none of its tries is answered."""
        portal, length = self.portal(person), 0.6
        if portal.faults.pending() or person.foreign:
            return
        fault = chance.choice((
            Fault.reset_after_effect(), Fault.reset_after_effect(), Fault.slow_after_effect(200), Fault.trickle(),
            Fault.bad_json(), Fault.html(502), Fault.reset_before_effect(),
        ))  # fmt: skip
        portal.faults.add(fault, method="im.chat.mute", times=None)
        self._meets(person, f"{fault.name} for each try of a call", length)
        self._ask(person, chance, self._chat(person, chance), chance.choice(("until", "until", "mute", "unmute")),
                  patient=chance.random() < 0.2)  # fmt: skip
        self.after(length, portal.faults.clear)

    def outage(self, person: Person, chance: random.Random) -> None:
        """A portal is down for some minutes, around an edge, or until just before the next, when looks are rare."""
        portal, length = self.portal(person), chance.choice((2.0, 4.0, 7.0))
        quiet = person.judge.quiet
        ahead = min((quiet.of(name).next_edge(self.world.now) for name in quiet.versions[-1]), default=math.inf)
        if 2 < ahead - self.world.now < _LONGEST_OUTAGE:
            length = chance.choice((length, ahead - self.world.now - chance.choice((0.2, 1.1))))
        if portal.faults.pending():
            return
        fault = chance.choice((Fault.html(502), Fault.reset_before_effect(), Fault.empty(), Fault.reset_after_effect()))
        method, in_batch = chance.choice((None, None, "batch")), chance.random() < 0.3
        if in_batch:  # the list can be read, and nothing can be set
            fault = chance.choice((Fault.no_result(), Fault.result(None), Fault.error("INTERNAL_SERVER_ERROR")))
            method = "im.chat.mute"
        portal.faults.add(fault, method=method, times=chance.choice((1, None)) if in_batch else None, in_batch=in_batch)
        self._meets(person, f"{fault.name} {method} {in_batch=}, all the time", length)
        self.after(length, partial(self._calm, person.host))

    def overtaken(self, person: Person, chance: random.Random) -> None:
        """A job, and something else before it has begun or while it goes on."""
        self.job(person, chance)
        for _ in range(chance.choice((1, 1, 2))):
            what = chance.choice(("let_go", "unmute", "mute", "until", "job", "unmute"))
            self.after(chance.choice((0.05, 0.3, 0.99, 1.002, 1.005)), partial(getattr(self, what), person, chance))

    def hiccup(self, person: Person, chance: random.Random) -> None:
        """One request goes wrong in a way that passes: nobody hears of it."""
        portal = self.portal(person)
        if portal.faults.pending() or person.foreign or person.host in self.tight:
            return
        fault = chance.choice((
            Fault.html(502), Fault.html(500), Fault.truncated(), Fault.reset_before_effect(),
            Fault.reset_after_effect(), Fault.error("INTERNAL_SERVER_ERROR", status=500),
            Fault.error("QUERY_LIMIT_EXCEEDED", status=503),
        ))  # fmt: skip
        portal.faults.add(fault, method=chance.choice(("im.chat.mute", "batch")), times=1)
        self._count("portal: hiccup")
        self.say(f"{person.host}: {fault.name} once")
        self._ask(person, chance, self._chat(person, chance), chance.choice(("until", "mute", "unmute")), patient=False)
        self.after(0.4, lambda: self._calm(person.host))

    def paused(self, person: Person, chance: random.Random) -> None:
        """A portal wants to be left alone, and people go on asking, of new processes too."""
        portal = self.portal(person)
        if portal.faults.pending() or person.foreign:
            return
        code = chance.choice(sorted(PAUSES))
        status, pause = _STATUS[code], PAUSES[code]
        in_batch = code == "OPERATION_TIME_LIMIT" and chance.random() < 0.5
        method = chance.choice(("im.chat.mute", "batch", "im.chat.mute"))
        self._meets(person, f"{code} {method} {in_batch=}", 3.0, pause)
        self._ask(person, chance, self._chat(person, chance), "until")  # a success tells until when a pause will last
        self.after(0.3, partial(
            portal.faults.add, Fault.error(code, status=status), method="im.chat.mute" if in_batch else method,
            in_batch=in_batch, times=chance.choice((1, 1, 3))))  # fmt: skip
        self.after(3.0, portal.faults.clear)
        for later in (0.35, *sorted(chance.uniform(0.5, pause) for _ in range(3))):
            what = chance.choice(("until", "mute", "unmute", "job", "policy"))
            self.after(later, partial(getattr(self, what), person, chance))
        if chance.random() < 0.5:
            self.after(0.5, self.world.deploy)

    def dies_telling(self, person: Person, chance: random.Random) -> None:
        """Whoever tells a portal something now dies of it, before or after it took effect."""
        weather, length = self.world.weather, chance.choice((0.7, 1.2))
        weather.dying, weather.deadly = 1.0, Call.TELLS
        self.say(f"processes die where they tell a portal, for {length} minutes")
        self._disturb(None, length, Slack.KILLED)

        def over() -> None:
            weather.dying, weather.deadly = 0.0, None

        self._later(length, over)
        getattr(self, chance.choice(("until", "policy", "toggle", "job", "let_go")))(person, chance)

    def refusing(self, person: Person, chance: random.Random) -> None:
        """A portal refuses releases in batches for a while, as if the user were not there."""
        portal, length = self.portal(person), chance.choice((1.0, 4.0, 10.0))
        if portal.faults.pending() or person.foreign:
            return
        fault = Fault.error("ACCESS_ERROR", status=403)
        portal.faults.add(fault, method="im.chat.mute", in_batch=True, times=None, params={"MUTE": "N"})
        self._meets(person, "releases are refused", length)
        self.after(length, portal.faults.clear)
        self._ask(person, chance, self._chat(person, chance), "until")
        self.let_go(person, chance)

    def expired(self, person: Person, chance: random.Random) -> None:
        """An access token ends, and several processes find out at once."""
        if not person.oauth or person.mending:
            return
        self.portal(person).oauth.expire(self.secret(person)["access_token"])
        self._count("account: expired")
        self.say(f"{person.name}: its access token has expired")
        for _ in range(chance.choice((1, 2, 3, 4))):
            self.after(chance.choice((0.0, 0.0, 0.001)), partial(getattr(self, chance.choice(_CALLS)), person, chance))

    def _meets(self, person: Person, what: str, length: float, pause: float = 0.0) -> None:
        self._count("portal: " + what)
        self.say(f"{person.host}: {what} for {length} minutes")
        self._disturb(person.host, length + pause)
