r"""Globs over titles, in time linear in the title whatever the pattern.

``*`` stands for any text, ``?`` for one character, everything else for itself: ``[`` and ``\`` too, because titles
such as ``[Urgent] Deal 7`` are common and character classes in titles are not. Case does not matter, and neither does
whether an accented letter is one code point or two.
"""

import unicodedata
from collections import defaultdict
from functools import lru_cache


class Glob:
    """A compiled pattern.

    It is run as a non-deterministic automaton whose set of states is the bits of one number, so there is nothing to
    track back to: state ``i`` has matched the first ``i`` characters of the pattern, stars not counted.
    """

    def __init__(self, pattern: str) -> None:
        anything, stay, state = 0, 0, 1
        exactly: defaultdict[str, int] = defaultdict(int)
        for character in _folded(pattern):
            if character == "*":
                stay |= state
                continue
            if character == "?":
                anything |= state
            else:
                exactly[character] |= state
            state <<= 1
        self._step = {character: states | anything for character, states in exactly.items()}
        self._anything = anything
        self._stay = stay
        self._end = state

    def matches(self, title: str) -> bool:
        """Whether the whole title matches."""
        states = 1
        for character in _folded(title):
            states = (states & self._step.get(character, self._anything)) << 1 | states & self._stay
        return bool(states & self._end)


@lru_cache(maxsize=256)
def glob(pattern: str) -> Glob:
    """The pattern, compiled once."""
    return Glob(pattern)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
