"""A portal that quotes the request's URL back: its code comes out nowhere. The fixture `office` looks everywhere."""

import traceback
from typing import Any

import pytest

from bitrix24.errors import Bitrix24Error
from local.portal import Fault
from tests.conftest import WEBHOOK_MARK
from tests.unit.function.office import Office, policy

QUOTED = [
    Fault.error_quoting_url("BRAND_NEW", status=400),
    Fault.error_quoting_url("INTERNAL_SERVER_ERROR", status=500),
]
NIGHT = "quiet-hours/night"


@pytest.mark.parametrize("fault", QUOTED, ids=lambda fault: fault.name)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "im.chat.mute", {"CHAT_ID": 1}),
        ("POST", "im.chat.mute", {"CHAT_ID": 1, "FOR": "PT1H", "REASON": "x"}),
        ("GET", "chats/chat1", None),
        ("GET", f"{NIGHT}/preview?chats=1", None),
        ("POST", "quiet-hours/preview?chats=1", policy("22:00-07:00", chats={"only": ["chat4711"]})),
    ],
)
def test_a_quoted_url_is_in_no_answer_and_no_line(
    office: Office, method: str, path: str, body: Any, fault: Fault
) -> None:
    office.put("night")
    asked = len(office.portal.calls)
    office.portal.faults.add(fault, times=None)
    answer = office.call(method, path, body)
    assert len(office.portal.calls) > asked
    assert WEBHOOK_MARK not in str(answer)
    assert answer.status == 502 or answer.body["usable"] is False


@pytest.mark.parametrize("fault", QUOTED, ids=lambda fault: fault.name)
def test_nor_does_it_get_into_what_a_look_stores_and_logs(office: Office, fault: Fault) -> None:
    office.put("night", "11:00-13:00")
    job = office.ok("POST", "mutes", {"chats": ["chat1", "chat3"]})["job"]
    office.portal.faults.add(fault, method="batch", times=None)
    office.go("2026-03-03 12:20")
    office.portal.faults.clear()
    office.portal.faults.add(fault, method="im.chat.mute", times=None)
    office.go("2026-03-05 12:00")
    assert WEBHOOK_MARK not in str(office.ok("GET", f"jobs/{job}"))
    assert WEBHOOK_MARK not in office.stored()


@pytest.mark.parametrize("fault", QUOTED, ids=lambda fault: fault.name)
def test_nor_into_what_is_raised_for_lambdas_own_log(office: Office, fault: Fault) -> None:
    office.portal.faults.add(fault, times=None)
    with pytest.raises(Bitrix24Error) as caught:
        office.invoke({"CHAT_ID": 1, "FOR": "PT1H"})
    assert WEBHOOK_MARK not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("field", ["REASON", "x"])
def test_nor_does_a_webhook_that_a_caller_sends_by_mistake_get_into_a_line(office: Office, field: str) -> None:
    url = "https://portal.example/rest/503/s3cr3tc0de7x9/"
    body = {"CHAT_ID": 1, "FOR": "PT1H", field: url}
    office.call("POST", "im.chat.mute", body)
    office.invoke({"CHAT_ID": "x", field: url})
    assert "s3cr3tc0de7x9" not in str(office.letters())


def test_the_search_would_find_one(office: Office) -> None:
    office.stack.dynamodb.put_item(TableName="state", Item={"pk": {"S": "x"}, "sk": {"S": f"{WEBHOOK_MARK}1"}})
    assert WEBHOOK_MARK in office.stored()
    office.stack.dynamodb.delete_item(TableName="state", Key={"pk": {"S": "x"}, "sk": {"S": f"{WEBHOOK_MARK}1"}})
