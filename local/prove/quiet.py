"""When an account's policies want its chats quiet, by `hours`; what has been found out is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local.prove.hours import Hours, Named, Span, hours, means
from local.prove.sight import Sight

Policies = Mapping[str, tuple[Mapping[str, Any], Span | None]]
"""An account's policies by name: the document, and what is skipped of it."""


@dataclass
class Quiet:
    """An account's quiet times.

    Attributes:
        first, last: the stretch of time that is known, in minutes.
        versions: the policies that may be stored: one, or while they are being changed, two.
    """

    first: int
    last: int
    versions: list[Policies] = field(default_factory=lambda: [{}])
    _hours: dict[Any, Hours] = field(default_factory=dict)
    _known: dict[tuple[int, int, bool], tuple[Policies, Named | None, Hours]] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)  # documents, so that no other has the identity of one

    def hours(self, sight: Sight, known: bool = True, version: Policies | None = None) -> Hours:  # noqa: FBT001, FBT002
        """The united quiet times of the policies that mean a chat."""
        version = self.versions[0] if version is None else version
        if sight.named is None or not sight.mutable:
            return Hours(())
        asked = (id(version), id(sight.named), known)  # neither is changed, and the cache keeps both
        if asked not in self._known:
            self._known[asked] = version, sight.named, self._united(sight, version, known=known)
        return self._known[asked][2]

    def until(self, version: Policies, now: float) -> float:
        """When all that run now end: so long an unmute lasts of a chat that could not be read. 0 if none does."""
        running = self._of(list(version.values())).at(now)
        return float(running[1]) if running else 0.0

    def of(self, name: str) -> Hours:
        """One policy's quiet times."""
        return self._of([self.versions[-1][name]])

    def _united(self, sight: Sight, version: Policies, *, known: bool) -> Hours:
        return self._of([version[name] for name in self._meaning(sight, version, known=known)])

    def _of(self, policies: list[tuple[Mapping[str, Any], Span | None]]) -> Hours:
        key = tuple((id(document), skipped) for document, skipped in policies)
        if key not in self._hours:
            self._hours[key] = hours(policies, self.first, self.last)
            self._kept += policies
        return self._hours[key]

    def _meaning(self, sight: Sight, version: Policies, *, known: bool) -> list[str]:
        """The policies that mean a chat: one for all chats if a look sees it: listed, held, or named."""
        if sight.named is None:
            return []
        means_it = {name: one for name, (one, _) in version.items() if means(one["chats"], sight.named)}
        named = any("only" in one["chats"] and one.get("enabled", True) for one in means_it.values())
        seen = sight.listed or known or named
        return [name for name, one in means_it.items() if seen or "only" in one["chats"]]

    def own(self, sight: Sight, *, known: bool) -> dict[str, Hours]:
        """Of each policy that means a chat, its own."""
        version = self.versions[0]
        return {name: self._of([version[name]]) for name in self._meaning(sight, version, known=known)}


def carry_over(sight: Sight, before: Hours, after: Hours, now: float) -> None:
    """Where the window that people override has changed, the override may last as long as either, or be over."""
    old, new = before.at(now), after.at(now)
    truths = set(sight.truths)
    if not sight.listed:  # what was held is seen as long as it is held
        truths |= {replace(truth, known=True) for truth in sight.truths}
        sight.truths = frozenset(truths)
    if old == new:
        return
    if sight.unmuted and new:  # a look sees that a person has unmuted it, and not in which window
        truths |= {replace(truth, muted=False, callers={}, audible_until=float(new[1])) for truth in sight.truths}
    for truth in sight.truths:
        if truth.audible_until > now:
            truths.add(replace(truth, audible_until=0.0))
            truths |= {replace(truth, audible_until=float(new[1]))} if new else set()
    sight.truths = frozenset(truths)
