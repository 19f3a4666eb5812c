"""The committed schemas are those of the code."""

from pathlib import Path

import jsonschema

from extproc.policy.schema import DECISION_FILE, INPUT_FILE, decision_schema, input_fields, input_schema, text_of, write
from extproc.policy.sources import shipped_policies


def test_the_committed_schemas_are_current() -> None:
    """Otherwise: `python -m extproc.policy.schema policies`."""
    folder = shipped_policies()
    assert (folder / INPUT_FILE).read_text("utf-8") == text_of(input_schema())
    assert (folder / DECISION_FILE).read_text("utf-8") == text_of(decision_schema())


def test_both_are_schemas() -> None:
    """They say so themselves."""
    for schema in (input_schema(), decision_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_generator_writes_both(tmp_path: Path) -> None:
    """What the module does when it is run."""
    write(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {INPUT_FILE, DECISION_FILE}


def test_fields_of_the_input_are_known() -> None:
    """What the checks of rule files go by."""
    fields = input_fields()
    assert fields["model"] == {"requested", "candidates"}
    assert fields["tools"] == frozenset()
