"""What can be wrong with what we were asked: one exception per meaning, each with the contract's code."""


class RequestError(Exception):
    """The request, not the portal, is at fault.

    Attributes:
        code: the contract's error code.
        description: which field and why, fit to be shown to the caller.
    """

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = description
        super().__init__(f"{code}: {description}")


class InvalidParameter(RequestError):
    """A field, header or query parameter is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__("INVALID_PARAMETER", f"{field}: {reason}")


class PastUntil(InvalidParameter):
    """The end asked for is past: a fault of a request, and nothing to do for a schedule that was delivered late."""

    def __init__(self, field: str) -> None:
        super().__init__(field, "must be in the future.")


class InvalidPolicy(RequestError):
    """A policy that makes no sense."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__("INVALID_POLICY", f"{field}: {reason}.")


class InvalidId(RequestError):
    """No usable ``CHAT_ID`` or ``DIALOG_ID``; the codes are the portal's own."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}_EMPTY", f"{field}: {reason}")


class TooLarge(RequestError):
    """More than we take at once."""

    def __init__(self, description: str) -> None:
        super().__init__("TOO_LARGE", description)


class NotFound(RequestError):
    """No such route, or nothing of that name."""

    def __init__(self, what: str = "route") -> None:
        super().__init__("NOT_FOUND", f"There is no such {what}.")


class PreconditionFailed(RequestError):
    """``If-Match`` or ``If-None-Match`` does not hold."""

    def __init__(self) -> None:
        super().__init__("PRECONDITION_FAILED", "The policy is not, or no longer, what the request is about.")


class Busy(RequestError):
    """The same thing is being changed by others all the time; repeating the request is safe."""

    def __init__(self) -> None:
        super().__init__("CONFLICT", "Others are changing the same. Repeat the request.")


class ReleaseOnly(RequestError):
    """The stack lets go of everything and mutes nothing: its parameter `Mode`."""

    def __init__(self) -> None:
        super().__init__("RELEASE_ONLY", "Nothing is muted at present, only unmuted: the stack's Mode is RELEASE_ONLY.")


class MethodNotAllowed(RequestError):
    """The route exists, the method does not."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed
        super().__init__("METHOD_NOT_ALLOWED", f"This route takes {allowed}.")


class AccountNotFound(RequestError):
    """There is no secret for this account."""

    def __init__(self) -> None:
        super().__init__("ACCOUNT_NOT_FOUND", "There is no such account.")


class IdempotencyInProgress(RequestError):
    """Another request with the same key is being worked on."""

    def __init__(self) -> None:
        super().__init__("IDEMPOTENCY_IN_PROGRESS", "A request with this Idempotency-Key is being worked on.")


class IdempotencyKeyReused(RequestError):
    """The key has been used for another request."""

    def __init__(self) -> None:
        super().__init__("IDEMPOTENCY_KEY_REUSED", "This key, or schedule and time, has been used for another request.")


class UnknownEvent(Exception):
    """Something invoked the function with an event it does not know. Its content is not repeated."""

    def __init__(self) -> None:
        super().__init__(
            "unknown event: neither a request of the API, a tick, a message of the account queue, nor a payload of a"
            " schedule or an operator (see events/)"
        )
