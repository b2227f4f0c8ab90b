"""Connections to a portal outlive an invocation: counted at the simulated portal, over TLS."""

from pathlib import Path

from bitrix24 import Transport
from local.certificates import Authority
from local.portal import Portal, PortalServer
from local.virtual import VirtualStack
from local.world import ANN, DEAL, furnish


def test_ten_invocations_take_one_connection_and_a_lost_one_is_made_anew(tmp_path: Path) -> None:
    portal, authority, stack = Portal(), Authority(tmp_path), VirtualStack()
    furnish(portal)

    def mute() -> int:
        return stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": DEAL}).status

    with PortalServer(portal, authority.server_context()) as server:
        stack.transport = Transport(str(authority.bundle))  # type: ignore[assignment]
        stack.new_process()
        stack.put_account("default", {"webhook_url": server.webhook_url(ANN)})
        assert [mute() for _ in range(10)] == [200] * 10
        assert (server.requests, server.connections) == (10, 1)
        server.close_idle_connections()
        assert mute() == 200
        assert (server.requests, server.connections) == (11, 2)
