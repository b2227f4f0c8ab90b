"""A Bitrix24 portal on loopback, as mean as a real one, for tests, the local stack and benchmarks.

    portal = Portal()                                   # or Portal(clock=..., quirks=Quirks(...), limits=Limits(...))
    portal.add_user(503, "Ann Lee")
    portal.add_webhook(503)                             # scopes=("im",)
    portal.add_chat(1489, members=[503])
    with PortalServer(portal, ssl_context) as server:
        requests.post(server.webhook_url(503) + "im.chat.mute", json={"CHAT_ID": 1489})
    assert portal.is_muted(503, 1489)

People and admins act on `Portal` (`mute_by_hand`, `leave`, `delete_webhook`, `rename`, ...), variants of portals are
`portal.quirks`, limits `portal.limits`, tokens `portal.oauth`, and trouble is `portal.faults.add(Fault.html(502))`.
`portal.calls`, `portal.calls_of(method)` and `portal.events` tell what happened, without secrets. `dispatch(portal,
request)` answers a `Request` without a socket.

It models the vendor's side on its own: nothing here imports another package of this project.
"""

from local.portal.faults import Fault
from local.portal.journal import Call, PushEvent
from local.portal.limits import Limits
from local.portal.quirks import Quirks
from local.portal.rest import dispatch
from local.portal.server import PortalServer
from local.portal.state import Portal
from local.portal.wire import Request, Response

__all__ = [
    "Call",
    "Fault",
    "Limits",
    "Portal",
    "PortalServer",
    "PushEvent",
    "Quirks",
    "Request",
    "Response",
    "dispatch",
]
