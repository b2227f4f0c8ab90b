"""Key conditions and projections: which items a query reads, and what of them."""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

from local.inmemory.errors import invalid
from local.inmemory.grammar import Attribute, Expression, Names, Reader, Values
from local.inmemory.ordered import TOP, Entry
from local.inmemory.values import Scalar

Wanted = Callable[[Names, Values], "dict[str, tuple[str, list[str]]]"]
Projection = Callable[[Names], list[str]]

_SIGNS = frozenset({"=", "<", "<=", ">", ">="})
_LAST = chr(0x10FFFF)


@lru_cache(4096)
def compile_key_condition(text: str) -> Expression[Wanted]:
    """Reads a key condition: it tells, by attribute, the comparison and the values it compares with."""
    reader = Reader(text, "KeyConditionExpression")
    clauses = [_clause(reader)]
    while reader.take("AND"):
        clauses.append(_clause(reader))

    def run(names: Names, _values: Values) -> dict[str, tuple[str, list[str]]]:
        wanted = {name_of(names): (sign, references) for name_of, sign, references in clauses}
        if len(wanted) < len(clauses):
            raise invalid("Invalid KeyConditionExpression: must only contain one condition per key")
        return wanted

    return reader.finished(run)


def _clause(reader: Reader) -> tuple[Attribute, str, list[str]]:
    if reader.take("("):
        clause = _clause(reader)
        reader.need(")")
        return clause
    if reader.take("begins_with"):
        reader.need("(")
        name_of = reader.attribute()
        reader.need(",")
        prefix = reader.value()
        reader.need(")")
        return name_of, "begins_with", [prefix]
    name_of = reader.attribute()
    if reader.take("BETWEEN"):
        low = reader.value()
        reader.need("AND")
        return name_of, "BETWEEN", [low, reader.value()]
    if reader.next not in _SIGNS:
        reader.refuse()
    return name_of, reader.any(), [reader.value()]


def bounds(sign: str, operands: list[Scalar]) -> tuple[Entry, Entry]:
    """The first entry that a comparison is true of, and the first behind them."""
    if any(low > high for low, high in pairwise(operands)):  # type: ignore[operator]  # both are of the key's type
        raise invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound")
    first, last = operands[0], operands[-1]
    if sign == "begins_with":
        return (first,), (_behind_prefix(first),)
    low: Entry = {"<": (), "<=": (), ">": (first, TOP)}.get(sign, (first,))
    high: Entry = {">": (TOP,), ">=": (TOP,), "<": (last,)}.get(sign, (last, TOP))
    return low, high


def _behind_prefix(prefix: Scalar) -> Scalar:
    if not isinstance(prefix, str):
        raise invalid("Incorrect operand type for operator or function; operator or function: begins_with")
    stem = prefix.rstrip(_LAST)
    if not stem:
        raise invalid("One or more parameter values are not valid: an empty string value")
    return stem[:-1] + chr(ord(stem[-1]) + 1)


@lru_cache(4096)
def compile_projection(text: str) -> Expression[Projection]:
    """Reads a projection: it tells the attributes' names."""
    reader = Reader(text, "ProjectionExpression")
    attributes = [reader.attribute()]
    while reader.take(","):
        attributes.append(reader.attribute())
    return reader.finished(lambda names: [name_of(names) for name_of in attributes])
