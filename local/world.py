"""The people and chats of the demo, of `make serve` and of the end-to-end tests."""

from local.portal import Portal

ANN, BEN = 503, 547
DEAL, LUNCH, WORKGROUP_CHAT, PRIVATE, NOT_HERS, OPEN_LINE = 1489, 1490, 1502, 1231, 1600, 1700


def furnish(portal: Portal) -> None:
    """Ann, whose webhook the account ``default`` has; Ben; and chats of every kind that mutes differently."""
    portal.add_user(ANN, "Ann")
    portal.add_user(BEN, "Ben")
    portal.add_webhook(ANN)
    portal.add_chat(DEAL, title="Deal 4711", members=[ANN, BEN])
    portal.add_chat(LUNCH, title="Lunch", members=[ANN, BEN])
    portal.add_workgroup(7, WORKGROUP_CHAT, members=[ANN, BEN])
    portal.add_private(ANN, BEN, PRIVATE)
    portal.add_chat(NOT_HERS, title="Board", members=[BEN])
    portal.add_chat(OPEN_LINE, title="Support line", type="lines", members=[ANN])


def bells(portal: Portal) -> dict[str, str]:
    """Each of Ann's chats by title: ``audible`` or ``muted``."""
    return {
        f"{chat.title} (chat{chat.id})": "muted" if portal.is_muted(ANN, chat.id) else "audible"
        for chat in portal.chats.values()
        if ANN in chat.members
    }
