"""Driving the portal simulator without a socket."""

from __future__ import annotations

import json
from typing import Any

from local.portal import Portal, Request, Response, dispatch

ANN = 503
BOB = 547
EVE = 600


class Clock:
    """A clock that moves when it is told to; Unix seconds."""

    def __init__(self, now: float = 1_772_541_297.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


def new_portal(**options: Any) -> Portal:
    """Return a portal with three users; Ann has a webhook and is in the chats 1489 and 1502."""
    portal = Portal(**options)
    for user_id, name in ((ANN, "Ann Lee"), (BOB, "Bob Ray"), (EVE, "Eve Fox")):
        portal.add_user(user_id, name)
    portal.add_webhook(ANN, "s3cr3tcode", scopes=("im",))
    portal.add_chat(1489, members=(ANN, BOB), title="Ops")
    portal.add_chat(1502, members=(ANN,), title="Sales")
    return portal


def send(portal: Portal, method: str, params: Any = None, *, user_id: int = ANN) -> Response:
    """Return the response to a webhook call with a JSON body."""
    path = f"/rest/{user_id}/{portal.webhook_of(user_id).code}/{method}"
    headers = {"content-type": "application/json"}
    return dispatch(portal, Request("POST", path, "", headers, json.dumps(params or {}).encode()))


def call(portal: Portal, method: str, params: Any = None, *, user_id: int = ANN) -> Any:
    """Return the JSON answer to a webhook call."""
    return json.loads(send(portal, method, params, user_id=user_id).body)


def result(portal: Portal, method: str, params: Any = None, *, user_id: int = ANN) -> Any:
    """Return the `result` of a webhook call that must succeed."""
    response = send(portal, method, params, user_id=user_id)
    assert response.status == 200, response.body
    return json.loads(response.body)["result"]


def refusal(portal: Portal, method: str, params: Any = None, *, user_id: int = ANN) -> tuple[int, str]:
    """Return (HTTP status, error code) of a webhook call that must fail."""
    response = send(portal, method, params, user_id=user_id)
    answer = json.loads(response.body)
    assert "result" not in answer
    return response.status, answer["error"]
