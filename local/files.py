"""Files that people name on a command line."""

import json
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """A file is not there, or not what it should be; the message says which and why, to a person."""


def read_json(path: Path) -> Any:
    """What a file of JSON says.

    Raises:
        Unreadable: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise Unreadable(f"{path}: not JSON: {error}") from None
