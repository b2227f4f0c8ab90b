"""What mutation testing found no test to notice (`make mutants`, docs/reliability.md)."""

import pytest

from chat_mute.quiet_hours.policy import unreadable
from chat_mute.quiet_hours.reading import PolicyError, dialog_id, text
from chat_mute.quiet_hours.selection import All


def test_a_text_may_be_as_long_as_is_allowed() -> None:
    assert text("x" * 200, "title", at_most=200) == "x" * 200


def test_users_are_numbered_from_one() -> None:
    assert dialog_id(1, "only[0]") == "1"
    with pytest.raises(PolicyError):
        dialog_id(0, "only[0]")


def test_what_stands_for_an_unreadable_policy_wants_nothing_and_can_be_shown() -> None:
    policy = unreadable("gone")
    assert (policy.name, policy.enabled, policy.readable) == ("gone", False, False)
    assert policy.to_json() == {"timezone": "UTC", "windows": [], "chats": {"all": True}, "enabled": False}


def test_workgroups_are_written_where_they_are_meant() -> None:
    assert All(workgroups=True).to_json() == {"all": True, "workgroups": True}
