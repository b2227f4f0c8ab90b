"""Refreshing an OAuth account's tokens: when the portal says they have expired, by one refresher at a time.

A refresh token works once. Two refreshers would leave one of them with a token that is spent, so the right to refresh
is a lock in the store, with an end of its own. The new pair is stored before it is used. What remains is a crash
between the token server's answer and the store: the pair is lost then, and the account needs a new one.
"""

import hashlib
import json
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bitrix24 import errors
from bitrix24.auth import OAuth
from bitrix24.clock import Clock, TimeLeft
from bitrix24.redaction import describe
from bitrix24.store import Store
from bitrix24.transport import FORM, Reply, Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_HOSTS = frozenset({"oauth.bitrix.info", "oauth.bitrix24.tech"})
"""Bitrix24's token servers. A secret's ``server_endpoint`` elsewhere is refused: the app's secret goes there."""
TOKEN_SECONDS = 10.0
LOCK_SECONDS = 60.0  # the token server's time, and the store's own retries before and after it
_ASKED = "asked"
_THROTTLED = "Bitrix24's token server takes no more requests at present"
_FOR_GOOD = frozenset({"invalid_grant", "invalid_client", "WRONG_CLIENT", "NOT_INSTALLED", "bad_verification_code"})
_LONG = timedelta(days=365)
_jitter = random.SystemRandom()


class Refresher:
    """Refreshes one account's tokens.

    Args:
        transport: connections.
        store: where the tokens are.
        clock: the time.
        token_hosts: token servers the app's secret may be sent to.
    """

    def __init__(self, transport: Transport, store: Store, clock: Clock, token_hosts: frozenset[str]) -> None:
        self._transport = transport
        self._store = store
        self._clock = clock
        self._token_hosts = token_hosts
        self._one_at_a_time = threading.Lock()

    def renew(self, stale: OAuth, time_left: TimeLeft) -> OAuth:
        """Tokens newer than ``stale``: somebody else's from the store, or new ones from the token server.

        Raises:
            CredentialError: the token server gives none, for good, until the secret is replaced; or it has been
                replaced by another user's, another portal's or a webhook.
            PortalTimeout: somebody else has been refreshing for all of ``time_left``, or too little of it is left.
            NoRoom: the token server throttles.
            Bitrix24Error: the token server could not be asked.
        """
        with self._one_at_a_time:
            while True:
                current = self._current(stale)
                if current.params != stale.params:
                    return current
                asked = self._respect_refusal(current)
                if time_left() < TOKEN_SECONDS:  # a one-time token must not be spent with no time to read the answer
                    raise errors.PortalTimeout
                now = self._clock.now()
                if not asked and self._store.lock_refresh(now, now + timedelta(seconds=LOCK_SECONDS)):
                    try:
                        return self._ask_unless_done(stale, time_left)
                    finally:
                        self._store.unlock_refresh()
                self._clock.sleep(_jitter.uniform(0.1, 0.5))

    def newer(self, stale: OAuth, time_left: TimeLeft) -> OAuth | None:
        """Tokens that somebody else has stored since ``stale`` was read, or is asking for right now; None without any.

        The old ones end before the new ones are stored.

        Raises:
            CredentialError: the token server has refused them; or the secret has been replaced by another user's.
        """
        while True:
            current = self._current(stale)
            if current.params != stale.params:
                return current
            if not self._respect_refusal(current) or time_left() <= 0:
                return None
            self._clock.sleep(_jitter.uniform(0.1, 0.5))

    def _current(self, stale: OAuth) -> OAuth:
        current = self._store.load()
        if isinstance(current, OAuth) and (current.portal, current.user_id) == (stale.portal, stale.user_id):
            return current
        raise errors.CredentialError("INVALID_CREDENTIALS", "The account's secret has been replaced meanwhile.")

    def _ask_unless_done(self, stale: OAuth, time_left: TimeLeft) -> OAuth:
        current = self._current(stale)  # somebody may have finished just before we got the lock
        return current if current.params != stale.params else self._ask(current, time_left)

    def _ask(self, current: OAuth, time_left: TimeLeft) -> OAuth:
        if current.token_host not in self._token_hosts:
            reason = "its host is none of Bitrix24's token servers"
            raise errors.CredentialError(
                "INVALID_CREDENTIALS", f"The account's server_endpoint is not usable: {reason}."
            )
        # Whoever still reads the old pair, from a store that is only eventually consistent, must not send it too.
        self._store.pause(f"{_mark(current)}{_ASKED}", self._clock.now() + timedelta(seconds=LOCK_SECONDS))
        form = urlencode(current.refresh_form).encode()
        end = self._clock.monotonic() + min(TOKEN_SECONDS, time_left())
        reply = self._transport.post(current.token_url, form, lambda: end - self._clock.monotonic(), FORM)
        answer = _read(reply, current)
        if isinstance(answer, errors.CredentialError):
            if answer.code in _FOR_GOOD:
                self._store.pause(f"{_mark(current)}{answer.code}", self._clock.now() + _LONG)
            raise answer
        renewed = _merge(current, answer)
        self._store.save(renewed.document)
        return renewed

    def _respect_refusal(self, current: OAuth) -> bool:
        """Whether somebody is asking with this very token; a spent one stays spent, and nobody asks again.

        Raises:
            CredentialError: the token server has refused the token for good.
        """
        mark, now, asked = _mark(current), self._clock.now(), False
        for name, until in self._store.pauses().items():
            if name.startswith(mark) and until > now:
                code = name.removeprefix(mark)
                if code != _ASKED:
                    raise _refused(code, "")
                asked = True
        return asked


def _mark(current: OAuth) -> str:
    """Names the refresh token without telling it."""
    return f"refresh {hashlib.sha256(current.document['refresh_token'].encode()).hexdigest()[:16]} "


def _read(reply: Reply, current: OAuth) -> "Mapping[str, Any] | errors.CredentialError":
    """The token server's answer; an error arrives with any status, 200 included."""
    if reply.status == 429:
        raise errors.NoRoom(_THROTTLED)
    try:
        answer = json.loads(reply.body.decode("utf-8"))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise errors.PortalFailed("CONNECTION_ERROR", "The token server answered with a page.")
    error = answer.get("error")
    if error is not None:
        return _refusal(error, answer.get("error_description"), reply.status, current)
    if not all(isinstance(answer.get(name), str) for name in ("access_token", "refresh_token")):
        raise errors.UnexpectedAnswer("The token server's answer has no tokens.")
    return answer


def _refusal(error: object, description: object, status: int, current: OAuth) -> errors.CredentialError:
    if not isinstance(error, str) or not errors.CODE.fullmatch(error):
        raise errors.UnexpectedAnswer("The token server answered with an error that is no error code.")
    code, said = errors.spelled(error), describe(description, current.secrets)
    if code == "QUERY_LIMIT_EXCEEDED":
        raise errors.NoRoom(_THROTTLED)
    of_the_account = errors.MEANINGS.get(code) in {errors.CredentialError, errors.AccountBlocked}
    if status >= 500 or not of_the_account:
        raise errors.PortalFailed(code, said or "The token server had trouble.")
    return _refused(code, said)


def _merge(current: OAuth, answer: "Mapping[str, Any]") -> OAuth:
    """The answer over what is stored. Where it has a strange field, its tokens alone: they can be had only once."""
    try:
        return OAuth.parse({**current.document, **answer})
    except errors.CredentialError:
        tokens = {name: answer[name] for name in ("access_token", "refresh_token")}
    return OAuth.parse({**current.document, **tokens})


def _refused(code: str, description: str) -> errors.CredentialError:
    said = f" ({description})" if description else ""
    return errors.CredentialError(
        code, f"The tokens cannot be refreshed{said}: install the app again and replace the account's secret."
    )
