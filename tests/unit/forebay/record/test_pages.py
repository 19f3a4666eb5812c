"""Generated pages are the code's."""

import json

import jsonschema

from forebay.outcomes import Reason
from forebay.record import catalogue, pages


def test_the_committed_schema_is_the_generated_one() -> None:
    """Run `python -m forebay.record.pages` after a change of the model."""
    assert pages.SCHEMA.read_text("utf-8") == pages.schema_text()


def test_the_committed_pages_are_the_generated_ones() -> None:
    """Run `python -m forebay.record.pages` after a change of model, tables or metrics."""
    assert pages.RECORD.read_text("utf-8") == pages.record_page()
    assert pages.METRICS.read_text("utf-8") == pages.metrics_page()


def test_the_schema_is_a_closed_schema() -> None:
    """Valid draft 2020-12; no object in it takes keys it does not name, maps of names apart."""
    schema = json.loads(pages.schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    objects = [part for part in schema["$defs"].values() if part["type"] == "object"]
    assert objects
    assert all(part["additionalProperties"] is False for part in objects)
    assert all(sorted(part["required"]) == sorted(part["properties"]) for part in objects)


def test_the_pages_name_every_reason_and_metric() -> None:
    """Nothing is left to be found in the code alone."""
    page = pages.record_page()
    assert all(f"`{reason.value}`" in page for reason in Reason)
    assert all(f"`{metric.name}`" in pages.metrics_page() for metric in catalogue.METRICS)
