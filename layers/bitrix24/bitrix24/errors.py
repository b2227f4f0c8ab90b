"""What can go wrong between us and a portal: one exception per meaning.

The portal's codes are compared without regard to case and come out in the spelling of Bitrix24's documentation. Their
HTTP statuses are not reliable (the documentation and the servers differ), so the code decides and the status is asked
second. No exception here carries a webhook's code or a token: descriptions are scrubbed before they get in.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

CODE = re.compile(r"[A-Za-z0-9_]{1,64}")
"""What a portal's error code may look like (Bitrix24's documentation: digits, Latin letters and underscores)."""


class Bitrix24Error(Exception):
    """A call that did not do what it was asked to.

    Attributes:
        code: the portal's code in the documentation's spelling, or one of ours (``PORTAL_MOVED`` and the like).
        description: one line for people, free of secrets and tags, at most 300 characters.
        tries: how often one call may meet this error before it gives up, if its time budget allows.
        may_be_done: whether the call may have taken effect all the same, at this try or at one before it.
    """

    tries: ClassVar[int] = 1
    may_be_done: bool = False

    def __init__(self, code: str, description: str = "") -> None:
        self.code = code
        self.description = description or DESCRIPTIONS.get(code, "The portal gave no description.")
        super().__init__(f"{code}: {self.description}")


class InvalidChatId(Bitrix24Error):
    """The portal does not take the chat's id: ``CHAT_ID_EMPTY`` or ``DIALOG_ID_EMPTY``."""


class AccessRefused(Bitrix24Error):
    """``ACCESS_ERROR``, or ``result: false``: not a member, no such chat, or a chat that cannot be muted."""


class CredentialError(Bitrix24Error):
    """The portal does not accept these credentials; a person has to act, or the secret has been replaced already."""


class AccountBlocked(Bitrix24Error):
    """The portal accepts the credentials and refuses REST all the same: plan, deletion, a permanent limit."""


class UserChanged(Bitrix24Error):
    """``USER_CHANGED``, our own code: the portal acts for another user than the credentials name.

    An administrator who edits a webhook becomes its owner, a dismissed owner's webhook may pass to a system user
    (Bitrix24's documentation on webhooks). Whatever is muted then is muted for somebody else.
    """

    def __init__(self) -> None:
        super().__init__("USER_CHANGED")


class QueryLimitExceeded(Bitrix24Error):
    """503 ``QUERY_LIMIT_EXCEEDED``: the portal's bucket of requests is full; it drains by 2 a second."""

    tries = 4


class NoRoom(QueryLimitExceeded):
    """Not sent: the portal's bucket has no room for one more request in time, or many calls wait for it already.

    Or the account needs new tokens, and the token server takes no more requests.
    """

    tries = 1

    def __init__(self, why: str = "the portal's limit leaves no room for it in time") -> None:
        super().__init__("QUERY_LIMIT_EXCEEDED", f"Not sent: {why}.")


class Paused(Bitrix24Error):
    """``OPERATION_TIME_LIMIT`` or ``OVERLOAD_LIMIT``: not to be asked again before ``until``.

    Asking on would lengthen the block (Bitrix24's documentation on limits), so a pause is remembered in the store.
    """

    def __init__(self, code: str, description: str, until: datetime) -> None:
        super().__init__(code, description)
        self.until = until


class PortalFailed(Bitrix24Error):
    """A fault inside the portal that may pass: a 5xx page, ``INTERNAL_SERVER_ERROR``, ``CONNECTION_ERROR``."""

    tries = 4
    may_be_done = True


class BatchRefused(Bitrix24Error):
    """``ERROR_BATCH_METHOD_NOT_ALLOWED``: this portal takes the method in single calls only."""


class NotExecuted(Bitrix24Error):
    """A batch's answer does not say what became of a command: halted, skipped or cut off. Unknown, never a success."""

    tries = 3

    def __init__(self) -> None:
        super().__init__("ERROR_UNEXPECTED_ANSWER", "The portal did not say what became of this command.")


class UnexpectedAnswer(Bitrix24Error):
    """JSON that means nothing to us; asking again would not change it."""

    may_be_done = True

    def __init__(self, description: str) -> None:
        super().__init__("ERROR_UNEXPECTED_ANSWER", description)


class UnreadableAnswer(UnexpectedAnswer):
    """Not JSON, not UTF-8, cut short, or over 1 MiB. The calls we make are idempotent, so one more try is safe."""

    tries = 2


class PortalMoved(Bitrix24Error):
    """A redirect. A renamed portal answers so; following it would send the secret to a host nobody has named."""

    def __init__(self) -> None:
        super().__init__("PORTAL_MOVED")


class PortalUnreachable(Bitrix24Error):
    """Refused, reset, DNS or TLS: no HTTP answer came."""

    tries = 4
    may_be_done = True

    def __init__(self, description: str) -> None:
        super().__init__("PORTAL_UNREACHABLE", description)


class PortalTimeout(Bitrix24Error):
    """No answer within the time budget. Whether the call took effect is unknown."""

    tries = 4
    may_be_done = True

    def __init__(self) -> None:
        super().__init__("PORTAL_TIMEOUT")


OF_THE_ACCOUNT = (CredentialError, AccountBlocked, UserChanged, Paused, PortalMoved)
"""What concerns the account, not a chat: the next call would end the same way."""

MEANINGS: dict[str, type[Bitrix24Error]] = {
    "CHAT_ID_EMPTY": InvalidChatId,
    "DIALOG_ID_EMPTY": InvalidChatId,
    "ACCESS_ERROR": AccessRefused,
    "NO_AUTH_FOUND": CredentialError,
    "INVALID_CREDENTIALS": CredentialError,
    "expired_token": CredentialError,
    "invalid_token": CredentialError,
    "insufficient_scope": CredentialError,
    "user_access_error": CredentialError,
    "authorization_error": CredentialError,
    "APPLICATION_NOT_FOUND": CredentialError,
    "invalid_grant": CredentialError,
    "invalid_client": CredentialError,
    "WRONG_CLIENT": CredentialError,
    "NOT_INSTALLED": CredentialError,
    "bad_verification_code": CredentialError,
    "ACCESS_DENIED": AccountBlocked,
    "PORTAL_DELETED": AccountBlocked,
    "PAYMENT_REQUIRED": AccountBlocked,
    "QUERY_LIMIT_EXCEEDED": QueryLimitExceeded,
    "OPERATION_TIME_LIMIT": Paused,
    "OVERLOAD_LIMIT": Paused,
    "INTERNAL_SERVER_ERROR": PortalFailed,
    "ERROR_UNEXPECTED_ANSWER": PortalFailed,
    "CONNECTION_ERROR": PortalFailed,
    "INVALID_REQUEST": Bitrix24Error,
    "ERROR_METHOD_NOT_FOUND": Bitrix24Error,
    "ERROR_BATCH_METHOD_NOT_ALLOWED": BatchRefused,
    "ERROR_BATCH_LENGTH_EXCEEDED": Bitrix24Error,
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": Bitrix24Error,
}
"""The documented codes, in the documentation's spelling, and what each means. Any other code is a ``Bitrix24Error``."""

DESCRIPTIONS = {
    "CHAT_ID_EMPTY": "The portal knows no chat by this id.",
    "DIALOG_ID_EMPTY": "The portal knows no chat by this dialog id.",
    "ACCESS_ERROR": "This chat cannot be muted: the user is not in it, it does not exist, or its type has no mute.",
    "INVALID_CREDENTIALS": "The portal does not accept this webhook: deleted, expired, or its owner is inactive.",
    "insufficient_scope": "The webhook or app lacks the scope im.",
    "USER_CHANGED": "The portal acts for another user than the account's secret names. Replace the secret.",
    "PORTAL_MOVED": "The portal answered with a redirect, which is not followed. Put its new address into the secret.",
    "PORTAL_TIMEOUT": "The portal did not answer in time. The call may have taken effect; repeating it is safe.",
    "INTERNAL_SERVER_ERROR": "The portal had an internal error.",
    "QUERY_LIMIT_EXCEEDED": "Too many requests to this portal.",
    "OPERATION_TIME_LIMIT": "The method is blocked for this account because of its operating time.",
    "OVERLOAD_LIMIT": "The portal's REST API is blocked because of overload.",
}

_SPELLING = {code.upper(): code for code in MEANINGS}


def spelled(code: str) -> str:
    """The documentation's spelling of ``code``; an unknown code stays as it is."""
    return _SPELLING.get(code.upper(), code)


def is_broken(error: Bitrix24Error) -> bool:
    """Whether a person has to act before anything more can be done for the account; a pause passes by itself."""
    return isinstance(error, OF_THE_ACCOUNT) and not isinstance(error, Paused)


def is_final(error: Bitrix24Error) -> bool:
    """Whether asking again would bring the same: it is a chat's own error, not the account's, nor passing trouble."""
    return error.tries == 1 and not isinstance(error, (QueryLimitExceeded, *OF_THE_ACCOUNT))


def account_error(outcomes: Iterable[object]) -> Bitrix24Error | None:
    """The first of ``outcomes`` that concerns the account, not a chat."""
    return next((outcome for outcome in outcomes if isinstance(outcome, OF_THE_ACCOUNT)), None)
