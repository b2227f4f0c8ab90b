"""Requests to try: by the contract, right and wrong, as schemathesis makes them; and wild ones."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, openapi

from tests.fuzz.gateway import Sent
from tests.unit.contract.document import document, operations
from tests.unit.contract.world import JOB

BASE = "https://api.example"
SCHEMA = openapi.from_dict(document())
OPERATIONS = {one.ok().definition.raw["operationId"]: one.ok() for one in SCHEMA.get_all_operations()}
_ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "UTC",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "utc",
    "Mars/Base",
]
_ENDS = ["2026-11-25T12:00:00Z", "2026-11-24T18:02+00:00", "2027-11-25t18:01:00.9z", "2026-12-24T18:00:00+01:00",
         "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-24T18:01:00Z"]  # fmt: skip
_KNOWN = {"account": ["default", "default", "default", "team-b"], "name": ["night", "night", "preview"], "job": [JOB],
          "dialog_id": ["chat1489", "sg7", "547", "chat4711", "crm3"]}  # fmt: skip


def by_contract(operation: str) -> st.SearchStrategy[tuple[Case, bool]]:
    """An operation's requests as its schemas say them, and ones that break them; mostly about things that are there.

    With each, whether it is one that the schemas allow.
    """
    found = OPERATIONS[operation]
    names = [parameter["name"] for parameter in operations()[operation].parameters if parameter["in"] == "path"]
    there = st.fixed_dictionaries({name: st.sampled_from(_KNOWN[name]) for name in names})
    right = found.as_strategy(generation_mode=GenerationMode.POSITIVE)
    allowed = st.one_of(_with(right, there), _with(right, there), right).map(lambda case: (case, True))
    if operation != "health":  # where nothing could be wrong
        wrong = found.as_strategy(generation_mode=GenerationMode.NEGATIVE)
        refused = st.one_of(_with(wrong, there), wrong).map(lambda case: (case, False))
        return st.one_of(allowed, refused)
    return allowed


def _with(cases: st.SearchStrategy[Case], there: st.SearchStrategy[dict[str, str]]) -> st.SearchStrategy[Case]:
    def placed(case: Case, names: dict[str, str], zone: str | None, end: str | None) -> Case:
        case.path_parameters = {**case.path_parameters, **names} if names else case.path_parameters
        if isinstance(case.body, dict):
            fields = {"timezone": zone, "UNTIL": end, "until": end}
            case.body = {name: fields.get(name) or value for name, value in case.body.items()}
        return case

    return st.builds(placed, cases, there, st.sampled_from([None, *_ZONES]), st.sampled_from([None, *_ENDS]))


def sent(case: Case) -> Sent:
    """The request that requests would send for a case."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
    parts = urlsplit(prepared.url or "")
    body = prepared.body or b""
    return Sent(
        prepared.method or "",
        parts.path + (f"?{parts.query}" if parts.query else ""),
        [
            (name, value if isinstance(value, str) else value.decode("latin-1"))
            for name, value in prepared.headers.items()
        ],
        body.encode() if isinstance(body, str) else body,
    )


# ---- wild ones ------------------------------------------------------------------------------------------------------

_ODD = ["\x00", "\r\n", "\u2028", "\u200b", "\u202e", "\ufeff", "\ufffd", "\ud7ff", "\U0001f600", "e\u0301",
"\u00e9", "\u0130", "\u017f",
        "\uff0f", "\u2024", "\uff0e\uff0e", "..", ".", "", " ", "%", "%25", "%00", "/",
        "\\", "*", "?", "#", ";", "'", '"', "<", "${x}", "{{x}}"]  # fmt: skip
_TEXT = st.one_of(st.sampled_from(_ODD), st.text(max_size=20), st.text("ab-_.1", max_size=80), st.just("x" * 3000))
_NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 1489, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
)
_LEAVES = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXT, st.sampled_from([
    "chat1489", "CHAT1489", "sg7", "547", "Y", "N", "y", "PT8H", "P1W", "PT0S", "P366D", "P", "PT", "22:00",
    "24:00", "07:00", "mon",
    "Europe/Berlin", "Deal *", "*" * 200, "?*" * 100, "release", *_ENDS, "2026-12-25", True, 1489, 547]))  # fmt: skip
_KEYS = st.one_of(st.sampled_from([
    "CHAT_ID", "chat_id", "Chat_Id", "DIALOG_ID", "MUTE", "UNTIL", "FOR", "REASON", "ACTION", "chats", "mute",
    "until", "for", "reason",
    "timezone", "windows", "dates", "enabled", "days", "start", "end", "only", "all", "types", "title", "except",
    "workgroups",
    "2026-12-25", "2026-02-30"]), _TEXT)  # fmt: skip
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=12,
)
_RAW = st.sampled_from([
    b"", b" \t\r\n", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"null", b"[]", b'"x"', b"{", b"{}{}",
    b'{"CHAT_ID":NaN}', b'{"CHAT_ID":-Infinity}',
    b'{"CHAT_ID":1e999}', b'{"CHAT_ID":' + b"9" * 10_000 + b"}", b'{"CHAT_ID":1,"chat_id":1}',
    b'{"CHAT_ID":1,"CHAT_ID":1}', b'{"CHAT_ID":"\\ud800"}',
    b'{"REASON":"\\u0000","CHAT_ID":1489}', b"[" * 100_000, b'{"a":' * 20_000,
    b'{"chats":' + b"[" * 5000 + b"]" * 5000 + b"}", b"x" * 300_000,
    b'{"CHAT_ID":1489.0}', b'{"CHAT_ID":1489e0}', b'{"CHAT_ID":-0}', b'{"CHAT_ID":0x5d1}', b"{'CHAT_ID':1}",
    b"CHAT_ID=1489", b'{"\xc3\x28":1}',
])  # fmt: skip
_FIELDS = st.dictionaries(_KEYS, _VALUES, max_size=6)
_PARTS = st.one_of(
    st.sampled_from(["default", "team-b", "health", "openapi.yaml", "im.chat.mute", "mutes", "jobs", JOB, "chats",
    "chat1489", "holds", "quiet-hours",
                     "night", "preview", "skip", "..", ".", "", "%2e%2e", "%2E", "default%2Fholds", "%2fteam-b",
                     "..%2fteam-b", "%00", "Default",
                     "DEFAULT", "default%20", "default;x", "%ff%fe", "n%C4%B1ght", "x" * 300, "x" * 2500]),
    _TEXT.map(lambda text: quote(text, safe="")),
)  # fmt: skip
_QUERIES = st.lists(
    st.tuples(st.one_of(st.sampled_from(["next", "from", "days", "chats", "debug"]), _TEXT),
              st.one_of(st.sampled_from(["0", "1", "100", "7", "366", "2026-03-28", "9" * 30, "\u0661", "1e1"]),
              _TEXT)), max_size=3,
).map(lambda pairs: "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs))  # fmt: skip
_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Idempotency-Key", "idempotency-key", "If-Match", "If-None-Match", "Accept",
        "Content-Type", "Content-Encoding"]),
        st.one_of(
            st.sampled_from(["a", "release-42", "*", '"x"', 'W/"x", "y"',
            '"', "x" * 255, "x" * 256, "image/svg+xml", "*/*;q=0", "gzip", "a,b", ""]),
            st.text(st.characters(max_codepoint=255), max_size=20),
        ),
    ),
    max_size=3,
)  # fmt: skip


_RARELY = st.sampled_from([False, False, False, True])
_OFTEN_TO_A_PORTAL = [*OPERATIONS, *["muteChat"] * 4, *["showChat", "previewUnsaved", "previewPolicy", "putPolicy"] * 2]


@st.composite
def wild(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Sent:
    """A request nobody has described: an operation's own, but for something in its path, its query or its body."""
    operation = operations()[draw(st.sampled_from(_OFTEN_TO_A_PORTAL))]
    path, _, query = operation.target.partition("?")
    parts = path.split("/")[1:]
    while draw(_RARELY):
        place = draw(st.integers(0, len(parts)))
        parts[place : place + draw(st.integers(0, 1))] = [draw(_PARTS)]
    if draw(_RARELY):
        query = draw(_QUERIES)
    return Sent(
        draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"])) if draw(_RARELY) else operation.method,
        "/" + "/".join(parts) + (f"?{query}" if query else ""),
        draw(_HEADERS),
        _body(draw, operation.requests),
        draw(st.booleans()),
    )


def _body(draw: Callable[[st.SearchStrategy[Any]], Any], examples: dict[str, Any]) -> bytes:
    if draw(_RARELY):
        raw: bytes = draw(st.one_of(_RAW, st.binary(max_size=60)))
        return raw
    fields = dict(draw(st.sampled_from(list(examples.values())))) if examples else {}
    while fields and draw(_RARELY):
        name = draw(st.sampled_from(sorted(fields)))
        del fields[name]
    while draw(_RARELY):
        fields |= draw(_FIELDS)
    return json.dumps(fields).encode() if fields else b""
