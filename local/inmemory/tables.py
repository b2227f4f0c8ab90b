"""Tables: items by their key, in order within a partition, and sparse global secondary indexes beside them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from local.inmemory.capacity import write_units
from local.inmemory.errors import invalid
from local.inmemory.ordered import Entry, Ordered
from local.inmemory.values import Item, Scalar, Value, scalar, size

MOST_BYTES = 400 * 1024
_KEY_BYTES = 2048, 1024
"""What a partition's key may have at most, and what orders a partition."""
_BYTES_OF_A_CHARACTER = 4
Key = tuple[Scalar, ...]
Place = tuple[Scalar, Entry]


@dataclass(frozen=True)
class Index:
    """A global secondary index; an item that lacks one of its attributes is not in it.

    Attributes:
        keys: its one or two attributes and their types (``S`` or ``N``), the partition's first.
        projection: all attributes, or only the index's and the table's keys.
    """

    keys: Mapping[str, str]
    projection: Literal["ALL", "KEYS_ONLY"] = "ALL"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        keys: its one or two attributes and their types (``S`` or ``N``), the partition's first.
        indexes: its global secondary indexes by name.
    """

    keys: Mapping[str, str]
    indexes: Mapping[str, Index] = field(default_factory=dict)


class Record:
    """An item as it is kept. Never changed: another one takes its place."""

    __slots__ = ("item", "places", "size")

    def __init__(self, item: Item, size: int, places: tuple[Place | None, ...]) -> None:
        self.item = item
        self.size = size
        self.places = places


class View:
    """Keys of records, in order within each partition: the table's own order, or that of an index.

    Args:
        keys: the attributes it is ordered by.
        table_keys: the table's key; an index is ordered by it where its own attributes are equal.
        keys_only: whether it holds nothing but the keys.
    """

    def __init__(self, keys: Mapping[str, str], table_keys: Mapping[str, str], *, keys_only: bool) -> None:
        self.attributes = tuple(keys)
        self.types = dict(keys)
        self.key_attributes = frozenset(keys) | frozenset(table_keys)
        self.keys_only = keys_only
        self._key_length = len(table_keys)
        self._partitions: dict[Scalar, Ordered] = {}

    def place(self, item: Item, key: Key) -> Place | None:
        """Where an item belongs; None if it lacks an attribute."""
        parts = [key_part(name, kind, item[name]) for name, kind in self.types.items() if name in item]
        return (parts[0], (*parts[1:], *key)) if len(parts) == len(self.types) else None

    def add(self, place: Place) -> None:
        """Puts a record's key in its place."""
        partition, entry = place
        ordered = self._partitions.get(partition)
        if ordered is None:
            ordered = self._partitions[partition] = Ordered()
        ordered.add(entry)

    def remove(self, place: Place) -> None:
        """Takes a record's key out."""
        partition, entry = place
        ordered = self._partitions[partition]
        ordered.remove(entry)
        if not ordered:
            del self._partitions[partition]

    def keys(self, partition: Scalar, low: Entry, high: Entry, *, backwards: bool) -> Iterator[Key]:
        """The keys of records between two places of a partition."""
        ordered = self._partitions.get(partition)
        if ordered is None:
            return iter(())
        return (entry[-self._key_length :] for entry in ordered.between(low, high, backwards=backwards))

    def shown(self, record: Record) -> Item:
        """What of an item is in here."""
        if not self.keys_only:
            return record.item
        return {name: record.item[name] for name in self.key_attributes}

    def shown_size(self, record: Record) -> int:
        """How many bytes that is."""
        if not self.keys_only:
            return record.size
        return sum(size(name, record.item[name]) for name in self.key_attributes)


class Rows:
    """A table's content.

    Args:
        name: the table's.
        table: how it was declared.
    """

    def __init__(self, name: str, table: Table) -> None:
        self.name = name
        self.types = dict(table.keys)
        self.records: dict[Key, Record] = {}
        self.own = View(table.keys, table.keys, keys_only=False)
        self.indexes = {
            index_name: View(index.keys, table.keys, keys_only=index.projection == "KEYS_ONLY")
            for index_name, index in table.indexes.items()
        }
        ordered = [self.own] if len(self.types) > 1 else []  # a partition of one item needs no order
        self._views = (*ordered, *self.indexes.values())

    def key(self, given: Item) -> Key:
        """Reads a ``Key``: the table's key attributes, and nothing else."""
        if len(given) != len(self.types):
            raise invalid("The provided key element does not match the schema")
        return self.key_of(given)

    def key_of(self, item: Item) -> Key:
        """An item's key."""
        try:
            key = tuple([key_part(name, kind, item[name]) for name, kind in self.types.items()])
        except KeyError as missing:
            name = missing.args[0]
        else:
            for part, most in zip(key, _KEY_BYTES, strict=False):
                if isinstance(part, str) and len(part) > most // _BYTES_OF_A_CHARACTER and len(part.encode()) > most:
                    raise invalid(f"One or more parameter values were invalid: a key has more than {most} bytes")
            return key
        raise invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")

    def record(self, key: Key, item: Item, item_size: int) -> Record:
        """Makes an item ready to be kept."""
        if item_size > MOST_BYTES:
            raise invalid("Item size has exceeded the maximum allowed size")
        return Record(item, item_size, tuple([view.place(item, key) for view in self._views]))

    def replace(self, key: Key, old: Record | None, new: Record | None) -> float:
        """Keeps ``new`` where ``old`` was, in the indexes too; tells what writing those costs."""
        if new is not None:
            self.records[key] = new
        elif old is not None:
            del self.records[key]
        units = 0.0
        for at, view in enumerate(self._views):
            before = old.places[at] if old else None
            after = new.places[at] if new else None
            moved = before != after
            if moved and before:
                view.remove(before)
            if moved and after:
                view.add(after)
            if view is not self.own:
                units += _index_units(view, old if before else None, new if after else None, moved=moved)
        return units

    def keys(self, view: View, partition: Scalar, low: Entry, high: Entry, *, backwards: bool) -> Iterator[Key]:
        """The keys of the records in one partition of a view, between two places of it."""
        if view in self._views:
            return view.keys(partition, low, high, backwards=backwards)
        alone = (partition,)
        return iter((alone,) if alone in self.records and low <= alone < high else ())


def key_part(name: str, kind: str, value: Value) -> Scalar:
    """What a key attribute is ordered by; a key is of its declared type, and not empty."""
    if kind not in value:
        raise invalid(f"One or more parameter values were invalid: Type mismatch for key {name} expected: {kind}")
    part = scalar(value, kind)
    if part == "":
        raise invalid(f"One or more parameter values are not valid: an empty string value for key {name}")
    return part


def _index_units(view: View, old: Record | None, new: Record | None, *, moved: bool) -> float:
    """What an index pays: a write to add, to remove or to change an entry, two to move it, none if nothing changes."""
    if old is not None and new is not None and not moved:
        if view.keys_only or old.item == new.item:
            return 0.0
        return max(write_units(old.size), write_units(new.size))
    return sum(write_units(view.shown_size(record)) for record in (old, new) if record is not None)
