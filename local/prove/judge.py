"""Holds what a portal shows of one account's chats against the model, after everything that happens.

Between two moments at which a chat is at rest it may be as anything that was right meanwhile; at rest it must be as is
right now. How long it may take to come to rest is said in `Slack`, and in docs/reliability.md.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local.prove.hours import Named
from local.prove.model import FORGET, MANY, TRIES, Ask, Truth, clicked, done, unmuted
from local.prove.quiet import Policies, Quiet, carry_over
from local.prove.sight import LostTrack, Sight, Slack, Violation, same, word


@dataclass
class Judge:
    """One account.

    Attributes:
        quiet: when its policies want quiet.
        is_muted: what the portal shows.
        loud_by, quiet_by: by when what is to be audible, or muted, must be so after all that has gone wrong.
        kills: deaths and faults of AWS in a row.
    """

    account: str
    quiet: Quiet
    is_muted: Callable[[int], bool]
    sights: dict[int, Sight] = field(default_factory=dict)
    loud_by: float = 0.0
    quiet_by: float = 0.0
    asks: dict[int, tuple[Ask, frozenset[int]]] = field(default_factory=dict)
    kills: int = 0
    settled: int = 0
    lost_track: int = 0
    _of_all: set[int] = field(default_factory=set)
    _ended: dict[int, float] = field(default_factory=dict)
    _asked: int = 0
    _edited: float = 0.0
    _trouble_until: float = 0.0

    # ---- what happens -----------------------------------------------------------------------------------------------

    def appears(self, number: int, named: Named, *, mutable: bool, listed: bool, now: float) -> None:
        """The user is in a chat from now on."""
        muted, former = self.is_muted(number), self.sights.get(number)
        truths = {Truth(muted=muted, known=listed)}
        if former is not None:  # a record of it may still be there, which says that a person has unmuted it
            again = replace(former, named=named, mutable=mutable, listed=listed)
            truths |= {replace(truth, muted=False) for truth in former.truths} | {Truth(muted=muted)}
            truths |= {unmuted(truth, self.quiet.hours(again, truth.known), now) for truth in truths}
        before = former.truths if former else frozenset()
        jobs = {ask for ask in self._of_all if ask not in self._ended}  # a job for all chats takes those it finds
        for ask in jobs:
            self.asks[ask] = self.asks[ask][0], self.asks[ask][1] | {number}
        truths = {replace(truth, open=truth.open | jobs) for truth in truths}
        recent = {muted, *({True} if now < max(self._edited + Slack.USUAL, self.loud_by) else ())}  # by former policies
        self.sights[number] = Sight(number, named, mutable, listed, frozenset(truths), recent, now, now + Slack.NEW,
                                    before=before, before_until=now + 1440, reasons=2, checked=now)  # fmt: skip

    def renamed(self, number: int, named: Named, now: float) -> None:
        """A chat has another title."""
        sight = self.sights[number]
        before = self.quiet.hours(sight)
        sight.named = named
        self._touch(sight, now, quiet=Slack.NEW)
        sight.touched = now + Slack.NEW - Slack.USUAL
        carry_over(sight, before, self.quiet.hours(sight), now)

    def vanishes(self, number: int) -> None:
        """The user is not in a chat any more."""
        self.sights[number].named = None

    def click(self, number: int, *, muted: bool, now: float, met: bool) -> None:
        """A person has pressed the bell; the portal shows it already. It may have ``met`` a look that undoes it."""
        sight, restless = self.sights[number], not self._rests(self.sights[number], now)
        ghosts = sight.before if muted and now < sight.before_until else frozenset()
        truths = {
            after for truth in self._closure(sight, now)
            for after in clicked(truth, self.quiet.hours(sight, truth.known), now, muted=muted, restless=restless,
                                 ghosts=ghosts)
        }  # fmt: skip
        truths |= self._closure(sight, now) if met or sight.half_done else set()
        if not muted:
            sight.unmuted = True
            self._may_be_missed(sight, sight.truths, now)
        sight.truths = frozenset(truths)
        self._touch(sight, now)

    def ahead(self, now: float, until: float) -> None:
        """A tick that is ahead of the clock brings on what is to be right by then."""
        for sight in self.sights.values():
            for truth in self._closure(sight, now):
                mine = self.quiet.hours(sight, truth.known)
                edges = list(truth.edges(mine, now, until))
                sight.recent |= {truth.wants(mine, at) for at in edges}
                sight.reasons += len(edges)

    def disturbed(self, now: float, length: float, loud: float, quiet: float = Slack.TROUBLE) -> None:
        """There is trouble for so long; and slack after it, for what is to be audible and for what is to be muted."""
        self._trouble_until = max(self._trouble_until, now + length)
        self.loud_by = max(self.loud_by, now + length + loud)
        self.quiet_by = max(self.quiet_by, now + length + max(loud, quiet))

    def killed(self, now: float) -> None:
        """Something of the service has died, or its own storage failed it."""
        self.kills = min(self.kills + 1, 5)
        self.disturbed(now, 0.0, Slack.KILLED * 2 ** (self.kills - 1))

    # ---- asks -------------------------------------------------------------------------------------------------------

    def begin(self, numbers: Iterable[int], what: str, now: float, *, of_all: bool = False, **more: Any) -> int:
        """Somebody asks for something about some chats, or ``of_all`` there are when it is done."""
        self._asked += 1
        ask, chats = Ask(self._asked, what, **more), frozenset(numbers) & self.sights.keys()
        self.asks[ask.number] = ask, chats
        self._of_all |= {ask.number} if of_all else set()
        for number in chats:
            sight = self.sights[number]
            sight.truths = frozenset(replace(truth, open=truth.open | {ask.number}) for truth in sight.truths)
            self._touch(sight, now)
            if now < self.loud_by:  # of two that are tried again and again, each may take effect each time
                sight.reasons += TRIES + 1
        return ask.number

    def may_fail(self, number: int, now: float) -> None:
        """What docs/decisions.md says may be lost: it met something else on its way, whose record may stand."""
        if number not in self.asks:
            return
        ask, chats = self.asks[number]
        self.asks[number] = replace(ask, may_fail=True), chats
        for sight in (self.sights[chat] for chat in chats if chat in self.sights):
            self._may_be_missed(sight, self._closure(sight, now), now)

    @staticmethod
    def _may_be_missed(sight: Sight, truths: frozenset[Truth], now: float) -> None:
        """No look may see what has happened: what was true before may go on."""
        sight.before = truths | (sight.before if now < sight.before_until else frozenset())
        sight.before_until = now + 24 * 60

    def asked_since(self, chat: int, since: float, *, besides: int) -> bool:
        """Whether somebody else's ask about a chat was under way at that time or after."""
        others = [number for number, (_, chats) in self.asks.items() if chat in chats and number != besides]
        return any(self._ended.get(number, since) >= since for number in others)

    def end(
        self, number: int, now: float, *, sure: bool | None, chats: Iterable[int] | None = None, alone: bool = True
    ) -> None:  # fmt: skip
        """It was done for sure, or not at all, or nobody knows (None); of these chats, or of all; alone or not."""
        _, all_ = self.asks[number]
        self._ended[number] = now
        for chat in all_ if chats is None else chats:
            if (sight := self.sights.get(chat)) is None:
                continue
            closure = self._closure(sight, now) if sure is not False else sight.truths
            if not closure:
                continue
            kept = {truth for truth in closure if sure is None or (number in truth.open) != sure}
            kept = {replace(truth, open=truth.open - {number}) for truth in kept}
            if not kept:
                raise Violation(f"chat{chat}: the answer to an ask contradicts all that is known")
            sight.truths = frozenset(kept)
            sight.half_done |= sure is None or not alone
            self._touch(sight, now)

    # ---- policies ---------------------------------------------------------------------------------------------------

    def editing(self, policies: Policies, now: float) -> None:
        """A change is on its way: from now on, and until `edited`, it may be stored or not."""
        self.quiet.versions = [self.quiet.versions[0], policies]
        for sight in self.sights.values():
            self._touch(sight, now)

    def edited(self, policies: Policies, now: float) -> None:
        """These are stored now."""
        for sight in self.sights.values():
            sight.truths = self._closure(sight, now)  # what is open may have been done under either
        before, self.quiet.versions, self._edited = self.quiet.versions[0], [policies], now
        for sight in self.sights.values():
            carry_over(sight, self.quiet.hours(sight, version=before), self.quiet.hours(sight), now)
            self._touch(sight, now)
            if now < self.loud_by:  # a chat that cannot be seen is let go of where none of those that hold it is left
                sight.recent |= {False}
        if now < self.loud_by:  # and one that they do not mean any more is not known to wait for its release
            self.loud_by = max(self.loud_by, self._trouble_until + Slack.TROUBLE)

    # ---- judging ----------------------------------------------------------------------------------------------------

    def check(self, now: float, changes: Mapping[int, list[bool]]) -> None:
        """Judges every chat as it is now, after the service's ``changes`` of it since the last time.

        Raises:
            Violation: it is not as it may be.
        """
        resting = True
        for sight in self.sights.values():
            if sight.named is not None:
                resting &= self._check(sight, now, changes.get(sight.number, []))
        if resting and now >= max(self.loud_by, self.quiet_by):
            self.kills = 0

    def _check(self, sight: Sight, now: float, changes: list[bool]) -> bool:
        """Whether it is at rest."""
        muted, closure = self.is_muted(sight.number), self._closure(sight, now)
        if not closure:
            return True
        self._look_back(sight, closure, now)
        sight.truths = closure
        sight.changes += len(changes)
        for change in changes:
            if change not in sight.recent:
                raise Violation(f"chat{sight.number} was {word(change)} without a reason")
        if muted not in sight.recent:
            raise Violation(f"chat{sight.number} is {word(muted)} and has had no reason to be")
        if not self._rests(sight, now):
            return False
        right = frozenset(truth for truth in closure if truth.wants(self.quiet.hours(sight, truth.known), now) == muted)
        if not muted and now < max(sight.mutes_by, self.quiet_by) and len(right) < len(closure):
            return False  # it may yet be muted
        if not right:
            raise Violation(f"chat{sight.number} is {word(muted)} and should not be")
        if sight.changes > sight.reasons and now >= self.loud_by:
            raise Violation(f"chat{sight.number} was changed {sight.changes} times with {sight.reasons} reasons")
        self._settle(sight, right, now)
        return True

    def _look_back(self, sight: Sight, closure: Iterable[Truth], now: float) -> None:
        """Collects what may have been right since the last time."""
        for version in self.quiet.versions:
            for truth in closure:
                mine = self.quiet.hours(sight, truth.known, version)
                edges = list(truth.edges(mine, sight.checked, now))
                sight.reasons += len(edges)
                sight.recent |= {truth.wants(mine, at) for at in (sight.checked, *edges, now)}
        own = self.quiet.own(sight, known=True).values() if now < self.loud_by else ()
        if any(mine.edges(sight.checked - Slack.USUAL, now) for mine in own):  # it cannot be seen that others hold it
            sight.recent |= {False}
            sight.reasons += 2
        sight.checked = now

    def _settle(self, sight: Sight, right: Iterable[Truth], now: float) -> None:
        """What the portal shows rules the other possibilities out."""
        sight.truths = frozenset(truth.aged(now) for truth in right)
        if len(sight.truths) > FORGET:
            self._lose(sight)
        sight.unmuted = False
        sight.half_done &= now < self.quiet_by
        open_ = max((len(truth.open) for truth in sight.truths), default=0)  # each of them is yet a reason
        sight.recent, sight.changes, sight.reasons = {self.is_muted(sight.number)}, 0, open_
        self.settled += 1

    def _lose(self, sight: Sight) -> None:
        """Nothing is known of it any more, so nothing is said."""
        sight.named, sight.truths = None, frozenset()
        self.lost_track += 1
        if all(one.named is None for one in self.sights.values()):
            raise LostTrack

    def held(self, now: float, owners: Mapping[int, set[str]]) -> None:
        """Judges the list of holds: at rest each chat has the owners it should have.

        Raises:
            Violation: it has others.
        """
        for sight in self.sights.values():
            if sight.named is None or not self._rests(sight, now) or now < max(sight.mutes_by, self.quiet_by):
                continue
            found = owners.get(sight.number, set())
            unseen = sight.before if now < sight.before_until else frozenset()  # a person's unmute is not seen at once
            right = {truth for truth in self._closure(sight, now) if self._owners(sight, truth, now) == found}
            ended = now - Slack.USUAL  # what has ended since may still be listed, as by any truth
            if any(self._owners(sight, truth, at) == found for truth in unseen for at in (now, ended)):
                continue
            if self._joined(sight, now):
                continue
            if sight.truths and not right:
                wanted = " or ".join(str(sorted(self._owners(sight, truth, now))) for truth in sight.truths)
                raise Violation(f"chat{sight.number} is held for {sorted(found)} instead of {wanted}")
            sight.truths = frozenset(right)

    def shown(
        self, number: int, now: float, *, muted: bool, owners: Mapping[str, float | None], stays: bool,
        override: float | None, change: tuple[float, bool] | None,
    ) -> None:  # fmt: skip
        """Judges what is shown of a chat that is at rest; of its owners, until when each holds it.

        Raises:
            Violation: it is not so by any possibility.
        """
        sight = self.sights[number]
        if sight.named is None or not sight.mutable or not sight.listed or not self._rests(sight, now):
            return
        if now < max(sight.mutes_by, self.quiet_by, sight.before_until) or self._joined(sight, now):
            return
        wanted = []
        for truth in self._closure(sight, now):
            mine = self.quiet.hours(sight, truth.known)
            soon = truth.next_change(mine, now - 0.2, self.quiet.last)
            if soon is not None and soon[0] < now + 0.2:
                return
            wanted.append((truth, soon, truth.override(mine, now)))
            if (
                muted == truth.wants(mine, now)
                and owners.keys() == self._owners(sight, truth, now)
                and self._same_ends(owners, sight, truth, now)
                and (stays == truth.muted or not owners)
                and same(self._in_sight(override), self._in_sight(truth.override(mine, now)))
                and self._same_change(change, soon)
            ):
                return
        if wanted:
            raise Violation(f"chat{number} is one of {wanted}")

    def _same_ends(self, shown: Mapping[str, float | None], sight: Sight, truth: Truth, now: float) -> bool:
        ends = truth.owners(now)
        for name, mine in self.quiet.own(sight, known=truth.known).items():
            if (window := mine.at(now)) is not None:
                ends[f"policy:{name}"] = window[1]
        return all(same(self._in_sight(shown[name]), self._in_sight(ends[name])) for name in shown.keys() & ends.keys())

    def _same_change(self, shown: tuple[float, bool] | None, wanted: tuple[float, bool] | None) -> bool:
        if wanted is None or shown is None:
            return self._in_sight(shown and shown[0]) == self._in_sight(wanted and wanted[0])
        far = self._in_sight(wanted[0]) is None
        return far or (shown[1] == wanted[1] and same(shown[0], wanted[0], Slack.USUAL))

    def _in_sight(self, at: float | None) -> float | None:
        """None where it is too far to be known."""
        return None if at is None or at > self.quiet.last - 2 * 1440 else at

    def _owners(self, sight: Sight, truth: Truth, now: float) -> set[str]:
        names = set(truth.owners(now))
        if truth.window(self.quiet.hours(sight, truth.known), now) and sight.named is not None:
            own = self.quiet.own(sight, known=truth.known)
            running = {f"policy:{name}" for name, mine in own.items() if mine.at(now)}
            names |= running or {f"policy:{name}" for name, mine in own.items() if mine.at(now + 1)}
        return names

    def _joined(self, sight: Sight, now: float) -> bool:
        """Whether a policy has joined or left others a moment ago, which is no edge of them all together."""
        return any(mine.edges(now - Slack.USUAL, now) for mine in self.quiet.own(sight, known=True).values())

    def next_edge(self, now: float) -> float:
        """When what is right of any chat may next change by itself, or must be so at last."""
        moments = [self.loud_by, self.quiet_by]
        for sight in self.sights.values():
            moments += [sight.mutes_by, sight.touched + Slack.USUAL]
            for truth in sight.truths:
                mine = self.quiet.hours(sight, truth.known)
                moments += [mine.next_edge(now), mine.next_edge(now - Slack.USUAL) + Slack.USUAL]
                for end in (truth.audible_until, *truth.callers.values()):
                    moments += [end, end + Slack.USUAL]
        return min((moment for moment in moments if moment > now), default=float("inf"))

    def at_rest(self, now: float) -> bool:
        """Whether nothing is on its way with any chat."""
        calm = now >= max(self.loud_by, self.quiet_by)
        return calm and all(self._rests(sight, now) for sight in self.sights.values() if sight.named is not None)

    def _rests(self, sight: Sight, now: float) -> bool:
        if now < max(sight.touched + Slack.USUAL, self.loud_by) or len(self.quiet.versions) > 1:
            return False
        edges = [edge for truth in sight.truths
                 for edge in truth.edges(self.quiet.hours(sight, truth.known), now - Slack.USUAL, now)]  # fmt: skip
        return not edges

    def _closure(self, sight: Sight, now: float) -> frozenset[Truth]:
        """What may be true once any of the open asks have been done, in any order."""
        found, fresh = set(sight.truths), list(sight.truths)
        restless, look_by = not self._rests(sight, now), max(now, self.loud_by) + Slack.USUAL
        while fresh:
            if len(found) > MANY:
                self._lose(sight)
                break
            truth = fresh.pop()
            for ask in (self.asks[number][0] for number in truth.open):
                for version in self.quiet.versions:
                    mine = self.quiet.hours(sight, truth.known, version)
                    after = set(done(truth, ask, mine, now, restless=restless, look_by=look_by))
                    if ask.what == "unmute" and now < self.loud_by:
                        after |= {replace(one, audible_until=self.quiet.until(version, now)) for one in after}
                    after -= found
                    found |= after
                    fresh += after
            if not sight.listed:  # a look at what is held sees it, and policies for all chats with it
                held = truth.held(self.quiet.hours(sight, truth.known), now)
                after = {replace(truth, known=True) if held or truth.open else replace(truth, known=False)} - found
                found |= after
                fresh += after
        return frozenset(found) if sight.truths else sight.truths

    def _touch(self, sight: Sight, now: float, quiet: float = 0.0) -> None:
        sight.touched, sight.mutes_by = max(sight.touched, now), max(sight.mutes_by, now + quiet)
        sight.reasons += 2
        if sight.named is not None:
            sight.recent.add(self.is_muted(sight.number))
            sight.truths = self._closure(sight, now)
            for truth in sight.truths:
                for version in self.quiet.versions:
                    sight.recent.add(truth.wants(self.quiet.hours(sight, truth.known, version), now))
