"""Which chats a policy wants."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chat_mute.quiet_hours import reading
from chat_mute.quiet_hours.globs import glob
from chat_mute.quiet_hours.reading import PolicyError

TITLE_MAX = 200
TYPES_MAX = 32
WORKGROUP_TYPE = "sonetgroup"
_TYPE = re.compile(r"[A-Za-z0-9_]{1,32}", re.ASCII)
_PRIVATE = frozenset({"private", "user"})
_ALL_FIELDS = ("all", "types", "title", "except", "workgroups")


@dataclass(frozen=True)
class Chat:
    """A chat as a user sees it on the portal.

    Attributes:
        chat_id: its number.
        dialog_id: the id the portal lists it under: ``chatNNN``, or the other user's bare id for a private chat.
        type: the portal's name of its type, e.g. ``open``, ``user``, ``sonetGroup``.
        title: as shown.
        mutable: whether the portal lets this user mute it, None where it does not say.
        aliases: other ids it is known by, e.g. ``sg7``.
    """

    chat_id: int
    dialog_id: str
    type: str = "chat"
    title: str = ""
    mutable: bool | None = None
    aliases: tuple[str, ...] = ()
    ids: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Collects every id that names this chat, ``chatNNN`` always among them."""
        ids = {f"chat{self.chat_id}", self.dialog_id.lower(), *(alias.lower() for alias in self.aliases)}
        object.__setattr__(self, "ids", frozenset(ids))

    @property
    def kinds(self) -> frozenset[str]:
        """What its type is called, in lower case: the portal has two words for a private chat."""
        kind = self.type.casefold()
        return _PRIVATE if kind in _PRIVATE else frozenset({kind})

    @property
    def workgroup(self) -> bool:
        """Whether it is a workgroup's chat, whose mute also changes the subscription to the group's feed."""
        return self.type.casefold() == WORKGROUP_TYPE or any(name.startswith("sg") for name in self.ids)


@dataclass(frozen=True)
class Only:
    """The chats named, and no others."""

    chats: tuple[str, ...]

    def means(self, chat: Chat) -> bool:
        """Whether the chat is one of them, mutable or not."""
        return not chat.ids.isdisjoint(self.chats)

    def to_json(self) -> dict[str, Any]:
        """The canonical document."""
        return {"only": list(self.chats)}


@dataclass(frozen=True)
class All:
    """Every chat that nothing below rules out.

    Attributes:
        types: the portal's types it may have; empty for any. Case does not matter.
        title: a glob its title must match (see `globs`), None for any.
        excepted: ids of chats to leave alone.
        workgroups: whether workgroups' chats are meant too.
    """

    types: tuple[str, ...] = ()
    title: str | None = None
    excepted: tuple[str, ...] = ()
    workgroups: bool = False

    def means(self, chat: Chat) -> bool:
        """Whether nothing rules the chat out, mutable or not."""
        return (
            (self.workgroups or not chat.workgroup)
            and (not self.types or not chat.kinds.isdisjoint(name.casefold() for name in self.types))
            and chat.ids.isdisjoint(self.excepted)
            and (self.title is None or glob(self.title).matches(chat.title))
        )

    def to_json(self) -> dict[str, Any]:
        """The canonical document: what narrows nothing is left out."""
        narrowing = {"types": list(self.types), "title": self.title, "except": list(self.excepted)}
        given = {name: value for name, value in narrowing.items() if value}
        return {"all": True, **given, **({"workgroups": True} if self.workgroups else {})}


Selection = Only | All


def parse_selection(value: object, path: str = "chats") -> Selection:
    """Reads ``{"only": [...]}`` or ``{"all": true, ...}``.

    Raises:
        PolicyError: naming the first fault.
    """
    given = reading.fields(value, path, ("only", *_ALL_FIELDS))
    if "only" in given:
        if len(given) > 1:
            raise PolicyError(path, 'only one of "only" and "all" may be given, and "only" stands alone')
        chats = reading.dialog_ids(given["only"], f"{path}.only")
        if not chats:
            raise PolicyError(f"{path}.only", "must name at least one chat")
        return Only(chats)
    if "all" not in given:
        raise PolicyError(path, 'one of "only" and "all" is needed')
    if given["all"] is not True:
        raise PolicyError(f"{path}.all", "must be true")
    return All(
        types=_types(given, f"{path}.types"),
        title=reading.text(given["title"], f"{path}.title", at_most=TITLE_MAX) if "title" in given else None,
        excepted=reading.dialog_ids(given.get("except", []), f"{path}.except"),
        workgroups=reading.flag(given.get("workgroups", False), f"{path}.workgroups"),
    )


def _types(given: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The portal's types by their form: a closed list would refuse what Bitrix24 adds next year."""
    if "types" not in given:
        return ()
    types = reading.items(given["types"], path, at_most=TYPES_MAX)
    if not types:
        raise PolicyError(path, "must name at least one type")
    for index, name in enumerate(types):
        if not isinstance(name, str) or not _TYPE.fullmatch(name):
            raise PolicyError(f"{path}[{index}]", "must be a type of chat as the portal names it, e.g. open")
    return tuple(dict.fromkeys(types))
