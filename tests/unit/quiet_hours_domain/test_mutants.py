"""What mutation testing found no test to notice (`make mutants`, docs/reliability.md)."""

import pytest

from chat_mute.quiet_hours.reading import PolicyError, dialog_id, text


def test_a_text_may_be_as_long_as_is_allowed() -> None:
    assert text("x" * 200, "title", at_most=200) == "x" * 200


def test_there_is_no_user_zero() -> None:
    with pytest.raises(PolicyError):
        dialog_id(0, "only[0]")
