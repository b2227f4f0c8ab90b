"""What API Gateway's REST API makes of a request: which route it takes, and the event our function gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

PUBLIC = frozenset({"/health", "/openapi.yaml"})
METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})
CALLER = "arn:aws:iam::000000000000:user/ann"


@dataclass(frozen=True)
class Sent:
    """One request.

    Attributes:
        method: as sent.
        target: path and query, as sent.
        headers: as sent, in order.
        body: as sent.
        decoded: whether the path's parts reach the function decoded; it must not matter.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    decoded: bool = True


@dataclass(frozen=True)
class Route:
    """Where the gateway takes a request.

    Attributes:
        resource: its own route.
        account: the path's first part, as the function gets it.
        proxy: the rest of it.
    """

    resource: str
    account: str | None = None
    proxy: str | None = None


def route(sent: Sent) -> Route | None:
    """The route of a request; None for one that the gateway refuses by itself."""
    path = sent.target.partition("?")[0]
    if path in PUBLIC:
        return Route(path) if sent.method == "GET" else None
    _, first, *rest = path.split("/") if path.startswith("/") else ("", "")
    if not first or sent.method not in METHODS:
        return None
    read = unquote if sent.decoded else str
    proxy = "/".join(rest)
    if not rest or (not proxy and len(rest) == 1):
        return Route("/{account}", read(first)) if sent.method == "GET" else None
    return Route("/{account}/{proxy+}", read(first), read(proxy))


def event(sent: Sent, to: Route) -> dict[str, Any]:
    """The event for a request on its route. A body that is not UTF-8 comes with replacement characters."""
    path, _, query = sent.target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    parameters = {"account": to.account, "proxy": to.proxy}
    return {
        "resource": to.resource,
        "path": path,
        "httpMethod": sent.method,
        "headers": dict(sent.headers) or None,
        "multiValueHeaders": _gathered(sent.headers) or None,
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _gathered(pairs) or None,
        "pathParameters": {name: value for name, value in parameters.items() if value is not None} or None,
        "stageVariables": None,
        "requestContext": {"requestId": "request", "identity": {"userArn": CALLER, "apiKeyId": None}},
        "body": sent.body.decode("utf-8", "replace") if sent.body else None,
        "isBase64Encoded": False,
    }


def _gathered(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered
