"""Update expressions: what becomes of the item."""

from collections.abc import Callable
from functools import lru_cache

from local.inmemory.errors import invalid
from local.inmemory.grammar import Attribute, Expression, Names, Operand, Reader, Values
from local.inmemory.values import Item, Value, add, negative

Changes = dict[str, Value | None]
Update = Callable[[Item, Names, Values], Changes]
_Action = tuple[Attribute, Operand]


@lru_cache(4096)
def compile_update(text: str) -> Expression[Update]:
    """Reads an update: it tells each attribute's new value, or None if it goes."""
    reader = Reader(text, "UpdateExpression")
    actions: list[_Action] = []
    seen: set[str] = set()
    while reader.next:
        clause = reader.any()
        if clause == "DELETE":
            raise NotImplementedError("DELETE in an UpdateExpression")
        if clause not in _CLAUSES or clause in seen:
            reader.refuse()
        seen.add(clause)
        actions.append(_CLAUSES[clause](reader))
        while reader.take(","):
            actions.append(_CLAUSES[clause](reader))

    def run(item: Item, names: Names, values: Values) -> Changes:
        changes = {name_of(names): new(item, names, values) for name_of, new in actions}
        if len(changes) < len(actions):
            raise invalid("Invalid UpdateExpression: Two document paths overlap with each other")
        return changes

    return reader.finished(run)


def _set(reader: Reader) -> _Action:
    name_of = reader.attribute()
    reader.need("=")
    left = _set_operand(reader)
    if reader.next not in {"+", "-"}:
        return name_of, left
    minus, right = reader.any() == "-", _set_operand(reader)

    def count(item: Item, names: Names, values: Values) -> Value:
        first, second = left(item, names, values), right(item, names, values)
        if first is None or second is None or "N" not in first or "N" not in second:
            raise invalid("An operand in the update expression has an incorrect data type")
        return {"N": add(first["N"], negative(second["N"]) if minus else second["N"])}

    return name_of, count


def _set_operand(reader: Reader) -> Operand:
    if reader.take("if_not_exists"):
        reader.need("(")
        name_of = reader.attribute()
        reader.need(",")
        otherwise = _set_operand(reader)
        reader.need(")")
        return lambda item, names, values: item.get(name_of(names)) or otherwise(item, names, values)
    operand = reader.operand()

    def needed(item: Item, names: Names, values: Values) -> Value:
        value = operand(item, names, values)
        if value is None:
            raise invalid("The provided expression refers to an attribute that does not exist in the item")
        return value

    return needed


def _remove(reader: Reader) -> _Action:
    return reader.attribute(), lambda _item, _names, _values: None


def _add(reader: Reader) -> _Action:
    name_of = reader.attribute()
    reference = reader.value()

    def count(item: Item, names: Names, values: Values) -> Value:
        old, more = item.get(name_of(names)), values[reference]
        if "N" not in more:
            raise NotImplementedError("ADD of anything but a number")
        if old is None:
            return more
        if "N" not in old:
            raise invalid("An operand in the update expression has an incorrect data type")
        return {"N": add(old["N"], more["N"])}

    return name_of, count


_CLAUSES: dict[str, Callable[[Reader], _Action]] = {"SET": _set, "REMOVE": _remove, "ADD": _add}
