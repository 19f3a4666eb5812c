"""Whatever the file holds, the answer is a config or ConfigErrors."""

import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.config.errors import ConfigErrors
from forebay.config.fields import fields
from forebay.config.load import load, load_text

SOURCE = Path("forebay.yaml")
WORDS = sorted({part for each in fields() for part in each.path} | {"a/b", "one", "none", "x"})

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
    | st.sampled_from(["5s", "3/m", "${env:A}", "${file:a}", "http://a", "0.0.0.0:1", "openai", "mock", "one/m"])
)  # fmt: skip
keys = st.sampled_from(WORDS) | st.text(string.printable, max_size=5)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)


def attempt(text: str) -> None:
    """Load `text`; any exception but ConfigErrors fails the test."""
    try:
        load_text(text, SOURCE)
    except ConfigErrors as errors:
        assert errors.problems
        assert all(each.line >= 1 and each.column >= 1 for each in errors.problems)
        assert len(str(errors).splitlines()) == len(errors.problems)


@given(st.text(max_size=200))
def test_any_text_loads_or_is_refused(text: str) -> None:
    """Arbitrary Unicode, lone surrogates included."""
    attempt(text)


@given(st.text(alphabet="[]{}:,-&*!|>'\"#%@`?<~ \n\tabn01", max_size=80))
def test_any_punctuation_loads_or_is_refused(text: str) -> None:
    """Arbitrary strings of what YAML gives meaning to."""
    attempt(text)


@given(st.dictionaries(st.sampled_from([each.path[0] for each in fields()]), documents, max_size=6))
@settings(max_examples=200)
def test_any_document_loads_or_is_refused(document: dict[str, object]) -> None:
    """Well-formed YAML of arbitrary shapes under the known sections."""
    attempt("providers: {one: {type: mock}}\n" + yaml.safe_dump(document, allow_unicode=True))
    attempt(yaml.safe_dump({"models": {"a": "one/m"}, "providers": {"one": {"type": "mock"}}} | document))


@given(content=st.binary(max_size=60))
def test_any_bytes_load_or_are_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Arbitrary bytes in the file."""
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    try:
        load(path)
    except ConfigErrors as errors:
        assert errors.problems
