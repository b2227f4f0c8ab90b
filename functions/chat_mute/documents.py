"""Policies and holds as the texts that are stored: JSON, for people who look into the table too."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chat_mute.quiet_hours.decision import Decision
from chat_mute.quiet_hours.holds import Hold, Identity, Owner, State
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.windows import BEGINNING, FOREVER, Interval


def policy_text(policy: Policy) -> str:
    """A policy with its skip, without its name."""
    skipped = [_text(edge) for edge in policy.skipped] if policy.skipped else None
    return json.dumps({"policy": policy.to_json(), "skipped": skipped}, ensure_ascii=False)


def read_policy(name: str, text: str) -> Policy:
    """What `policy_text` has written."""
    stored = json.loads(text)
    policy = Policy.parse(name, stored["policy"])
    skipped = stored["skipped"]
    return replace(policy, skipped=skipped and Interval(*map(datetime.fromisoformat, skipped)))


def hold_text(hold: Hold) -> str:
    """A hold without its chat's number."""
    owners = {
        name: {"until": _text(owner.until), **({"reason": owner.reason} if owner.reason is not None else {})}
        for name, owner in hold.owners.items()
    }
    document: dict[str, Any] = {
        "dialog_id": hold.dialog_id,
        "portal": hold.identity.portal,
        "user_id": hold.identity.user_id,
        "state": hold.state,
        "prior_muted": hold.prior_muted,
        "owners": owners,
        "keep": hold.keep,
        "overridden_until": hold.overridden_until and _text(hold.overridden_until),
    }
    return json.dumps(document, ensure_ascii=False)


def read_hold(chat_id: int, text: str) -> Hold:
    """What `hold_text` has written."""
    stored = json.loads(text)
    override = stored["overridden_until"]
    return Hold(
        chat_id=chat_id,
        dialog_id=stored["dialog_id"],
        identity=Identity(stored["portal"], stored["user_id"]),
        prior_muted=stored["prior_muted"],
        state=State(stored["state"]),
        owners={
            name: Owner(datetime.fromisoformat(owner["until"]), owner.get("reason"))
            for name, owner in stored["owners"].items()
        },
        keep=stored["keep"],
        overridden_until=override and datetime.fromisoformat(override),
    )


def decision_text(decision: Decision, now: datetime) -> str:
    """A decision in one line, for the hold it has made: when, what, because, who."""
    return " ".join([utc(now), decision.action, decision.because, *decision.who])


def utc(moment: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SSZ``, as the API tells instants."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def edge(moment: datetime) -> str | None:
    """The same of a window's edge; None where it lies further than we look."""
    return None if moment in {BEGINNING, FOREVER} else utc(moment)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
