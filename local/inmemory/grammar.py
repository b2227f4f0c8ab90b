"""What all of DynamoDB's expressions are made of: words, names and values, read from left to right."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from local.inmemory.errors import invalid
from local.inmemory.values import Item, Value

Names = Mapping[str, str]
Values = Mapping[str, Value]
Attribute = Callable[[Names], str]
Operand = Callable[[Item, Names, Values], Value | None]
T = TypeVar("T")

_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[#:]\w+|<>|<=|>=|[=<>(),+-])", re.ASCII)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expression(Generic[T]):
    """An expression that is ready to be used.

    Attributes:
        run: does what it says.
        names: the ``#names`` in it.
        values: the ``:values`` in it.
    """

    run: T
    names: frozenset[str]
    values: frozenset[str]


class Reader:
    """An expression's text, token by token.

    Args:
        text: the expression.
        kind: what AWS calls it, for messages.
    """

    def __init__(self, text: str, kind: str) -> None:
        self._kind = kind
        self._tokens = _tokens(text, kind)
        self._at = 0
        self.names: set[str] = set()
        self.values: set[str] = set()

    @property
    def next(self) -> str:
        """The token that comes next, keywords in upper case; empty at the end."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        return token.upper() if token.upper() in _KEYWORDS else token

    def take(self, *expected: str) -> bool:
        """Goes on if one of these comes next."""
        if self.next not in expected:
            return False
        self._at += 1
        return True

    def need(self, expected: str) -> None:
        """Goes on behind a token that must come next."""
        if not self.take(expected):
            self.refuse()

    def any(self) -> str:
        """Goes on behind whatever comes next, and tells it."""
        token = self.next
        if not token:
            self.refuse()
        self._at += 1
        return token

    def attribute(self) -> Attribute:
        """Reads an attribute's name, or an alias of it."""
        token = self.any()
        if token.startswith("#"):
            self.names.add(token)
            return lambda names: names[token]
        if token in _KEYWORDS or not _WORD.fullmatch(token):
            self.refuse()
        return lambda _: token

    def value(self) -> str:
        """Reads a ``:value``; tells its name."""
        token = self.any()
        if not token.startswith(":"):
            self.refuse()
        self.values.add(token)
        return token

    def operand(self) -> Operand:
        """Reads an attribute or a value."""
        if self.next.startswith(":"):
            reference = self.value()
            return lambda _item, _names, values: values[reference]
        name_of = self.attribute()
        if self.next == "(":
            raise NotImplementedError(f"this function in a {self._kind}")
        return lambda item, names, _values: item.get(name_of(names))

    def finished(self, run: T) -> Expression[T]:
        """The expression that was read, which must be at its end."""
        if self.next:
            self.refuse()
        return Expression(run, frozenset(self.names), frozenset(self.values))

    def refuse(self) -> NoReturn:
        """Says where the syntax is wrong."""
        raise invalid(f'Invalid {self._kind}: Syntax error; token: "{self.next or "<EOF>"}"')


def check_references(
    used_names: frozenset[str], used_values: frozenset[str], names: Names | None, values: Values | None
) -> None:
    """Refuses what is used and not given, and, as AWS does, what is given and not used."""
    if (names.keys() if names is not None else _NONE) != used_names or names == {}:
        raise invalid(f"ExpressionAttributeNames: given {sorted(names or ())}, used {sorted(used_names)}")
    if (values.keys() if values is not None else _NONE) != used_values or values == {}:
        raise invalid(f"ExpressionAttributeValues: given {sorted(values or ())}, used {sorted(used_values)}")


def _tokens(text: str, kind: str) -> list[str]:
    tokens, at, text = [], 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotImplementedError(f"{text[at:].strip()[0]!r} in a {kind}: {text}")
        tokens.append(found[1])
        at = found.end()
    if not tokens:
        raise invalid(f"Invalid {kind}: The expression can not be empty;")
    return tokens


_NONE: frozenset[str] = frozenset()
_KEYWORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"})
