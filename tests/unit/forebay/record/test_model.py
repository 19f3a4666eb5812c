"""The published fields are closed."""

import dataclasses
from typing import get_type_hints

import pytest
from pydantic import TypeAdapter, ValidationError

from forebay.outcomes import Outcome, Reason
from forebay.record.model import AttemptRecord, FindingRecord, RequestRecord, UnreadableRecord


def test_the_kinds_share_their_first_two_fields() -> None:
    """A reader can tell a line's kind and version without knowing the rest."""
    for kind in (RequestRecord, AttemptRecord, UnreadableRecord):
        assert [field.name for field in dataclasses.fields(kind)][:2] == ["version", "kind"]


def test_outcome_and_reason_are_the_closed_lists() -> None:
    """No other text can stand there."""
    hints = get_type_hints(RequestRecord)
    assert (hints["outcome"], hints["reason"]) == (Outcome, Reason)


def test_an_unknown_field_is_refused() -> None:
    """Closed means closed to readers too."""
    values = {"kind": "pii", "type": "EMAIL", "channel": "user", "count": 1, "score": 90}
    adapter = TypeAdapter(FindingRecord)
    assert adapter.validate_python(values).count == 1
    with pytest.raises(ValidationError):
        adapter.validate_python({**values, "text": "jane"})
