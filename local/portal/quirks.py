"""What differs from portal to portal, each as one switch.

The defaults are a recent cloud portal. "Docs" means the public documentation, "server" what published server builds
were seen to do where the two disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MuteListShape = Literal["object", "list", "object_with_false"]


@dataclass
class Quirks:
    """The switches; change them at any time, the next request obeys."""

    auth_status: Literal["server", "docs"] = "server"
    """HTTP status of authorisation failures: the server answers 401 to nearly all, the docs say 401, 403 or 503."""

    time: Literal["full", "operating_zero", "no_operating", "missing"] = "full"
    """Fields of `time`: with a working limiter, without its store, with the limiter off, or no `time` at all."""

    integer_start: bool = False
    """`time.start` is an integer instead of a float (both are documented)."""

    build: Literal["newest", "older", "oldest"] = "newest"
    """What `im.chat.mute` knows: all forms; no bare user id (`DIALOG_ID_EMPTY`); only `CHAT_ID` with `ACTION`."""

    non_member: Literal["access_error", "false"] = "access_error"
    """A caller without a relation row: the newest build's permission check fails, others answer `result: false`."""

    creates_private_chat: bool = True
    """Muting a user id without a private dialog creates an empty one."""

    recent_mute_list: MuteListShape = "object"
    """Shape of `mute_list` in the recent lists; an empty one is always `[]` unless it holds `false` values."""

    dialog_mute_list: MuteListShape = "list"
    """Shape of `mute_list` in `im.dialog.get` and `im.search.chat.list`."""

    recent_repeat_every: int = 0
    """Every n-th row of `im.recent.list` comes again half of n rows later; 0 for never."""

    dialog_access_status: Literal[400, 403] = 403
    """Status of `ACCESS_ERROR` from `im.dialog.get`."""

    batch_refuses: frozenset[str] = frozenset()
    """Methods that answer `ERROR_BATCH_METHOD_NOT_ALLOWED` inside a batch, in lower case (`batch` always does)."""

    batch_operating: Literal["methods", "batch"] = "methods"
    """Who pays for a nested call: its own method (docs) or the method `batch` (measured by the vendor's staff)."""

    rejected_calls_count: bool = False
    """A call refused with 503 also fills the bucket; then only a real pause empties it."""

    operating_ban: Literal["fixed", "oldest_bucket"] = "fixed"
    """After the operating limit: blocked for 300 s (server), or until the oldest bucket leaves (docs)."""

    https_required: bool = True
    """Webhooks over plain HTTP answer `INVALID_REQUEST`; OAuth calls do not."""

    wrong_client_is_200: bool = True
    """The token server answers an unknown client with HTTP 200 and `WRONG_CLIENT` instead of 401 `invalid_client`."""
