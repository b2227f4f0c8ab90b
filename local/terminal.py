"""Saying things to a person at a terminal; plain text where there is none."""

import sys

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


def paint(text: str, colour: str) -> str:
    """``text`` in a colour, if somebody can see it."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if sys.stdout.isatty() else text


def say(text: str = "") -> None:
    """One line, at once."""
    print(text, flush=True)
