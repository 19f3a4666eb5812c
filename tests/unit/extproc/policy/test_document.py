"""The policy's input: complete, content-free, and made of texts that every evaluator reads alike."""

import json
from dataclasses import replace

import jsonschema
import orjson
from hypothesis import given
from hypothesis import strategies as st

from extproc.policy.document import PrincipalFacts, build, level, original, plain
from extproc.policy.samples import BARE, FULL
from extproc.policy.schema import input_schema

names = st.text(st.characters(codec=None), max_size=40)


def test_the_samples_are_valid_input() -> None:
    """Both extremes fit the schema that authors write against."""
    for facts in (FULL, BARE):
        jsonschema.validate(build(facts), input_schema())


def test_a_section_that_is_unknown_is_absent() -> None:
    """`not input.tools` must mean that there are none, so nothing is null."""
    document = build(BARE)
    assert not {"usage_estimate", "messages", "tools", "tool_choice", "tool_calls", "risk"} & document.keys()
    assert "null" not in json.dumps(document)
    assert "sub" not in document["principal"]  # type: ignore[operator]


def test_the_clock_is_the_one_of_the_facts() -> None:
    """The time of day is derived from the injected nanoseconds, in UTC."""
    assert build(FULL)["time"] == {
        "ns": 1_763_722_442_000_000_000,
        "rfc3339": "2025-11-21T10:54:02Z",
        "date": "2025-11-21",
        "weekday": "Friday",
        "hour": 10,
        "minute": 54,
        "tz": "UTC",
    }


def test_findings_are_sorted_into_kinds() -> None:
    """Personal data, secrets and injections stand apart, the strongest injection evidence is named."""
    findings = build(FULL)["findings"]
    assert findings == {
        "pii": [
            {"class": "EMAIL_ADDRESS", "where": "user", "count": 2, "score": 99},
            {"class": "IBAN_CODE", "where": "tool", "count": 1, "score": 100},
        ],
        "secrets": [{"rule": "aws-access-key", "where": "user", "count": 1, "score": 100}],
        "injection": {"score": 60, "rule": "ignore-previous"},
    }


@given(names)
def test_plain_text_is_reversible_and_needs_no_escape(text: str) -> None:
    """Whatever a caller calls a tool: the policy sees one name for it, and it comes back as it was."""
    assert original(plain(text)) == text
    encoded = orjson.dumps(plain(text)).decode()
    assert encoded == f'"{plain(text)}"'


def test_ordinary_names_stay_as_they_are() -> None:
    """Authors compare models and tools as they are written."""
    for name in ("gpt-4o", "meta-llama/Llama-3.3-70B", "naïve tool", "漢字", "user@example.com"):
        assert plain(name) == name


@given(names, names)
def test_any_name_leaves_the_document_valid(subject: str, tool: str) -> None:
    """Hostile names neither break the JSON nor the schema."""
    facts = replace(FULL, principal=PrincipalFacts("jwt", subject, (subject,)), tools=(tool,))
    jsonschema.validate(orjson.loads(orjson.dumps(build(facts))), input_schema())


def test_the_levels_of_risk() -> None:
    """The bounds that the examples and the documentation name."""
    assert [level(score) for score in (0, 39, 40, 79, 80, 100)] == ["low", "low", "medium", "medium", "high", "high"]
