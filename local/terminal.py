"""Saying things to a person at a terminal; plain text where there is none."""

import sys

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


def paint(text: str, colour: str) -> str:
    """``text`` in a colour, if somebody can see it."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if sys.stdout.isatty() else text


def say(text: str = "") -> None:
    """One line, at once."""
    print(text, flush=True)


def progress(what: str, done: int, total: int | None) -> None:
    """How far some work has come: a bar that grows in place; where nobody can see it grow, one line at its end."""
    seen, ended = sys.stdout.isatty(), done == total
    if not total or not (seen or ended):
        return
    filled = round(20 * done / total)
    bar = f"  {what} [{'#' * filled}{'.' * (20 - filled)}] {done:,} of {total:,}"
    print(f"\r{bar}" if seen else bar, end="\n" if ended else "", flush=True)
