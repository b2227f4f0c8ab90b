"""What one mute leaves behind: a structured line and a metric."""

import json
from typing import Any

from local.overlay import STACK
from local.world import DEAL, NOT_HERS
from tests.e2e.conftest import Service


def lines(service: Service, account: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in service.stack.log_lines() if line.startswith("{") and account in line]
    return [line for line in found if line.get("service") == "chat-mute"]


def test_account_chat_outcome_and_caller_are_logged(service: Service, account: str) -> None:
    service.call("GET", "/health")  # so that the process is warm, also where this test is the first
    service.mute(account, {"CHAT_ID": DEAL, "MUTE": "Y"})
    service.mute(account, {"CHAT_ID": NOT_HERS, "MUTE": "N"})
    done, refused = lines(service, account)
    assert (done["message"], done["chat"], done["mute"], done["outcome"]) == ("chat set", f"chat{DEAL}", "Y", "ok")
    assert (refused["level"], refused["chat"], refused["outcome"]) == ("WARNING", f"chat{NOT_HERS}", "ACCESS_ERROR")
    assert done["by"].endswith(":user/tests")
    assert done["trigger"] == "api"
    assert done["correlation_id"] != refused["correlation_id"]
    assert done["cold_start"] is False


def test_each_outcome_is_counted_by_trigger(service: Service, account: str) -> None:
    before = len(service.stack.log_lines())
    service.mute(account, {"CHAT_ID": DEAL})
    metrics = [json.loads(line) for line in service.stack.log_lines()[before:] if '"_aws"' in line]
    (metric,) = metrics
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], metric["ChatMuted"]) == ("QuietHours", [1.0])
    assert (metric["trigger"], metric["service"]) == ("api", STACK)
