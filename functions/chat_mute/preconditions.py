"""``If-Match`` and ``If-None-Match`` (RFC 9110, 13.1): change a thing only if it is what the caller has seen."""

import re
from collections.abc import Sequence

from chat_mute.errors import InvalidParameter
from chat_mute.gateway import Request
from chat_mute.policies import Precondition

_TAGS = re.compile(r'(?:(?:W/)?"[!#-~]*")(?:[ \t]*,[ \t]*(?:W/)?"[!#-~]*")*')
_TAG = re.compile(r'(?:W/)?"[!#-~]*"')
_ANY = "*"


def etag(version: str) -> str:
    """A version as an entity tag."""
    return f'"{version}"'


def precondition(request: Request) -> Precondition:
    """Whether a version (None: there is nothing) is one that the request's headers are about.

    Raises:
        InvalidParameter: a header is neither ``*`` nor a list of entity tags.
    """
    match, none_match = _tags(request, "If-Match"), _tags(request, "If-None-Match")

    def holds(version: str | None) -> bool:
        if match is not None and not (version is not None and (_ANY in match or etag(version) in match)):
            return False
        return none_match is None or version is None or not _is_among(none_match, version)

    return holds


def is_known(request: Request, version: str) -> bool:
    """Whether the caller has a version already: ``If-None-Match`` names it.

    Raises:
        InvalidParameter: the header is neither ``*`` nor a list of entity tags.
    """
    tags = _tags(request, "If-None-Match")
    return tags is not None and _is_among(tags, version)


def _is_among(tags: Sequence[str], version: str) -> bool:
    return _ANY in tags or etag(version) in [tag.removeprefix("W/") for tag in tags]


def _tags(request: Request, name: str) -> Sequence[str] | None:
    """The header's entity tags, None without one. A weak tag never equals a strong one, which all of ours are."""
    values = request.headers(name.lower())
    if not values:
        return None
    given = ", ".join(values).strip()
    if given == _ANY:
        return [_ANY]
    if not _TAGS.fullmatch(given):
        raise InvalidParameter(name, "must be * or a list of entity tags.")
    return _TAG.findall(given)
