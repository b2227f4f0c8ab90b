"""What no process may do to a portal, seen from the network: design.md's "gentle", and one refresh at a time."""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from local.portal import Portal

FULL_SECONDS = 60.0
"""In less time any portal's full bucket is empty."""
_OVERLOAD_SECONDS, _OPERATION_SECONDS, _OPERATION_SECONDS_MAX = 900.0, 300.0, 3600.0
_ON_ITS_WAY_SECONDS, _LONGER = 30.0, 4.0
"""What is on its way when a pause begins ends within a call's time; at a portal with a small bucket, a look's."""
_REFUSED_SECONDS = 0.3, 1.9
"""After a full bucket the process leaves the portal alone for 2 s, but for what was on its way."""
_ASKED_SECONDS = 59.0
"""A refresh token whose answer has not come is not sent again for a minute."""


class Sent(NamedTuple):
    """One request as the network sees it.

    Attributes:
        process: which.
        blown: whether that is dead by now.
        secret: names the credentials, which a new client comes with.
        lasting: they are a webhook's; others change under way, and what a client was told of them may be forgotten.
        methods: the request's own and those of a batch's commands, by key.
    """

    process: int
    blown: Callable[[], bool]
    host: str
    user: int
    secret: str
    lasting: bool
    method: str
    commands: dict[str, str]


class _Pause(NamedTuple):
    since: float
    until: float
    told: Sent


@dataclass
class Watch:
    """Who has sent what when.

    Attributes:
        over: told of what should not have been sent.
        struck: when a process or AWS last failed: what was to be remembered then may be forgotten.
        tight: hosts with small buckets.
    """

    over: Callable[[str], None]
    struck: Callable[[], float]
    tight: set[str] = field(default_factory=set)
    senders: dict[str, deque[tuple[float, int]]] = field(default_factory=lambda: defaultdict(deque))
    _pauses: dict[tuple[str, int, str], _Pause] = field(default_factory=dict)
    _resets: dict[tuple[int, str, str], float] = field(default_factory=dict)
    _refused: dict[tuple[int, str], float] = field(default_factory=dict)
    _tokens: dict[str, float] = field(default_factory=dict)

    def neighbour(self, host: str, now: float) -> None:
        """Somebody else uses the portal too."""
        self.senders[host].append((now, 0))

    def refreshes(self, portal: Portal, form: bytes, now: float) -> None:
        """A process asks the token server: for an expired token, and with a refresh token that nobody else sends."""
        token = parse_qs(form.decode()).get("refresh_token", [""])[0]
        if now - self._tokens.get(token, -_ASKED_SECONDS) < _ASKED_SECONDS:
            self.over("a refresh token was sent twice within a minute")
        self._tokens[token] = now
        pair = portal.oauth._refresh.get(token)  # noqa: SLF001  nobody else tells
        if pair is not None and pair.expires > portal.clock():
            self.over("tokens were refreshed that had not expired")

    def sends(self, sent: Sent, portal: Portal, now: float) -> None:
        """A process calls a portal."""
        self._bucket(sent, portal, now)
        refused = self._refused.get((sent.process, sent.host))
        if refused is not None and refused + _REFUSED_SECONDS[0] < now < refused + _REFUSED_SECONDS[1]:
            self.over(f"{sent.host} was asked {now - refused:.1f} s after its bucket was full")
        grace = _ON_ITS_WAY_SECONDS * (_LONGER if sent.host in self.tight else 1.0)
        for method in {"*", sent.method, *sent.commands.values()}:
            pause = self._pauses.get((sent.host, sent.user, method))
            if pause is None or not pause.since + grace < now < pause.until - 1 or pause.told.blown():
                continue
            self.over(
                f"user {sent.user} asked {sent.host} for {method} {now - pause.since:.0f} s after it was to pause"
            )

    def _bucket(self, sent: Sent, portal: Portal, now: float) -> None:
        """A process that is alone with a portal never meets its limit."""
        senders = self.senders[sent.host]
        senders.append((now, sent.process))
        while senders[0][0] < now - FULL_SECONDS:
            senders.popleft()
        alone = {sender for _, sender in senders} == {sent.process}
        if alone and not portal.faults.pending() and portal.limits.level(portal.clock()) + 1 > portal.limits.burst:
            self.over(f"{sent.host} got more requests from one process than its bucket holds")

    def hears(self, sent: Sent, status: int, body: bytes, now: float, unix: float) -> None:
        """A process gets an answer."""
        said = _object(body)
        if said.get("error") == "QUERY_LIMIT_EXCEEDED" and status == 503:
            self._refused[sent.process, sent.host] = now
        for method, code in _refusals(sent, said):
            self._told_to_pause(sent, method, code, now, unix)
        for method, time in _times(sent, said):
            if isinstance(reset := time.get("operating_reset_at"), int | float):
                self._resets[sent.process, sent.secret, method] = float(reset)

    def _told_to_pause(self, sent: Sent, method: str, code: str, now: float, unix: float) -> None:
        what = "*" if code == "OVERLOAD_LIMIT" else method
        key = sent.host, sent.user, what
        known = self._pauses.get(key)
        if now - self.struck() < 1:
            return
        seconds = _OVERLOAD_SECONDS
        if what != "*":
            ahead = self._resets.get((sent.process, sent.secret, method), unix) - unix
            seconds = ahead if 0 < ahead <= _OPERATION_SECONDS_MAX else _OPERATION_SECONDS
            if not sent.lasting:
                seconds = min(seconds, _OPERATION_SECONDS)
        if known is not None and known.until > now and not known.told.blown():
            if now - known.since < _ON_ITS_WAY_SECONDS:  # two were told at once, and the later one's end counts
                self._pauses[key] = known._replace(until=min(known.until, now + seconds))
            return
        self._pauses[key] = _Pause(now, now + seconds, sent)

    def forget(self, since: float) -> None:
        """AWS has failed: pauses told of a moment ago may not have been stored."""
        self._pauses = {key: pause for key, pause in self._pauses.items() if pause.since < since}


def sent_of(process: int, blown: Callable[[], bool], portal: Portal, url: str, body: bytes) -> Sent:
    """Reads a request."""
    host, _, path = url.removeprefix("https://").partition("/rest/")
    asked, parts = _object(body), path.strip("/").split("/")
    commands = asked.get("cmd") if isinstance(asked.get("cmd"), dict) else {}
    methods = {key: str(command).partition("?")[0] for key, command in (commands or {}).items()}
    if len(parts) == 3:
        return Sent(process, blown, host, int(parts[0]), parts[1], lasting=True, method=parts[2], commands=methods)
    pair = portal.oauth._access.get(str(asked.get("auth")))  # noqa: SLF001  nobody else tells
    token, user = str(asked.get("auth")), pair.user_id if pair else 0
    return Sent(process, blown, host, user, token, lasting=False, method=parts[-1], commands=methods)


def _refusals(sent: Sent, said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Which method is refused until later, and how."""
    refusals = [(sent.method, said.get("error"))]
    errors = (said.get("result") or {}).get("result_error") if isinstance(said.get("result"), dict) else None
    if isinstance(errors, dict):
        refusals += [(sent.commands.get(key, ""), one.get("error")) for key, one in errors.items()]
    yield from ((method, code) for method, code in refusals if code in {"OVERLOAD_LIMIT", "OPERATION_TIME_LIMIT"})


def _times(sent: Sent, said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "error" not in said and isinstance(said.get("time"), dict):
        yield sent.method, said["time"]
    times = (said.get("result") or {}).get("result_time") if isinstance(said.get("result"), dict) else None
    if sent.method == "batch" and isinstance(times, dict):
        yield from ((sent.commands.get(key, ""), time) for key, time in times.items() if isinstance(time, dict))


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
