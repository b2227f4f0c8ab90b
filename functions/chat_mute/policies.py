"""Use case: an account's policies, and skipping a window of one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from chat_mute.accounts import Accounts
from chat_mute.documents import edge, utc
from chat_mute.errors import Busy, InvalidPolicy, NotFound, PreconditionFailed
from chat_mute.observability import Telemetry
from chat_mute.quiet_hours import windows
from chat_mute.quiet_hours.policy import Policy, is_policy_name
from chat_mute.quiet_hours.reading import PolicyError
from chat_mute.quiet_hours.windows import FOREVER, Interval
from chat_mute.store import Saved, Store
from chat_mute.table import Conflict

POLICIES_MAX = 100
_TRIES = 5
Shown = dict[str, Any]
Precondition = Callable[[str | None], bool]
"""Whether the version there is (None: no policy) is one the caller wants to change."""


class Policies:
    """Policies as the API shows and changes them."""

    def __init__(self, accounts: Accounts, store: Store, telemetry: Telemetry) -> None:
        self._accounts = accounts
        self._store = store
        self._telemetry = telemetry

    def list(self, account: str, now: datetime) -> Shown:
        """Every policy of an account, by name.

        Raises:
            AccountNotFound: no such account.
        """
        self._accounts.credentials(account)
        return {"policies": [_shown(saved.value, now) for saved in self._store.policies(account)]}

    def get(self, account: str, name: str, now: datetime) -> tuple[Shown, str]:
        """One policy, and its version.

        Raises:
            AccountNotFound, NotFound: no such account, no such policy.
        """
        saved = self.find(account, name)
        return _shown(saved.value, now), saved.version

    def find(self, account: str, name: str) -> Saved[Policy]:
        """The same as it is stored.

        Raises:
            AccountNotFound, NotFound: no such account, no such policy.
        """
        self._accounts.credentials(account)
        return self._there(account, name)

    def put(
        self, account: str, policy: Policy, wanted: Precondition, *, by: str, now: datetime
    ) -> tuple[Shown, str, bool]:
        """Stores a policy; what it does not want any more is let go of at the next look, within a minute.

        Returns:
            The policy, its version, and whether it is new.

        Raises:
            InvalidPolicy: it is one too many.
            AccountNotFound: no such account.
            PreconditionFailed: the one there is not ``wanted``.
            Busy: others are changing the same.
        """
        portal = self._accounts.credentials(account).portal
        for _ in range(_TRIES):
            saved = self._store.policy(account, policy.name)
            if not wanted(saved and saved.version):
                raise PreconditionFailed
            if saved is None and len(self._store.policies(account)) >= POLICIES_MAX:
                raise InvalidPolicy("name", f"at most {POLICIES_MAX} policies are allowed")
            skipped = saved.value.skipped if saved else None
            lasts = skipped is not None and now < skipped.end < FOREVER  # quiet without end is skipped as it was only
            policy = replace(policy, skipped=skipped if lasts else None)
            try:
                version = self._store.save_policy(account, policy, saved and saved.version, now=now, portal=portal)
            except Conflict:
                continue
            self._changed("policy stored", account, policy.name, by)
            return _shown(policy, now), version, saved is None
        raise Busy

    def delete(self, account: str, name: str, wanted: Precondition, *, by: str, now: datetime) -> None:
        """Removes a policy; what it holds is let go of at the next look.

        Raises:
            AccountNotFound, NotFound: no such account, no such policy.
            PreconditionFailed: it is not the one ``wanted``.
            Busy: others are changing the same.
        """
        self._accounts.credentials(account)
        for _ in range(_TRIES):
            saved = self._there(account, name)
            if not wanted(saved.version):
                raise PreconditionFailed
            try:
                self._store.remove_policy(account, name, saved.version, now=now)
            except Conflict:
                continue
            self._changed("policy removed", account, name, by)
            return
        raise Busy

    def skip(self, account: str, name: str, *, by: str, now: datetime) -> Shown:
        """Skips the running window, else the next one, once. Asked again, it is the same window.

        Raises:
            AccountNotFound, NotFound: no such account or policy; or no window comes.
            Busy: others are changing the same.
        """
        skipped = self._reskip(account, name, partial(_to_skip, now=now), "window skipped", by=by, now=now)
        return {"skipped": skipped and {"start": edge(skipped.start), "end": edge(skipped.end)}}

    def unskip(self, account: str, name: str, *, by: str, now: datetime) -> None:
        """Takes a skip back; nothing to do where there is none.

        Raises:
            AccountNotFound, NotFound: no such account, no such policy.
            Busy: others are changing the same.
        """
        self._reskip(account, name, lambda _: None, "skip taken back", by=by, now=now)

    def _reskip(
        self, account: str, name: str, choose: Callable[[Policy], Interval | None], what: str, *, by: str, now: datetime
    ) -> Interval | None:  # fmt: skip
        portal = self._accounts.credentials(account).portal
        for _ in range(_TRIES):
            saved = self._there(account, name)
            skipped = choose(saved.value)
            if skipped == saved.value.skipped:
                return skipped
            policy = replace(saved.value, skipped=skipped)
            try:
                self._store.save_policy(account, policy, saved.version, now=now, portal=portal)
            except Conflict:
                continue
            self._changed(what, account, name, by)
            return skipped
        raise Busy

    def _there(self, account: str, name: str) -> Saved[Policy]:
        saved = self._store.policy(account, name) if is_policy_name(name) else None  # DynamoDB's keys are bounded
        if saved is None:
            raise NotFound("policy")
        return saved

    def _changed(self, what: str, account: str, name: str, by: str) -> None:
        self._telemetry.logger.info(what, extra={"account": account, "policy": name, "by": by})
        self._telemetry.count("PolicyChanged")


def read(name: str, document: object) -> Policy:
    """Reads a policy.

    Raises:
        InvalidPolicy: naming the first faulty field.
    """
    try:
        return Policy.parse(name, document)
    except PolicyError as error:
        fault = error
    raise InvalidPolicy(fault.field, fault.reason)


def _to_skip(policy: Policy, now: datetime) -> Interval:
    found = windows.running_or_next([replace(policy, skipped=None)], now) if policy.enabled else None
    if found is None:
        raise NotFound("window to skip")
    return found


def _shown(policy: Policy, now: datetime) -> Shown:
    timetables = [policy] if policy.enabled else []
    change = windows.next_change(timetables, now)
    coming = {"at": utc(change), "muted": not windows.is_quiet(timetables, now)} if change else None
    return {"name": policy.name, **policy.to_json(), "next_change": coming}
