"""The committed schema and page are what the model says, and say what the loader does."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from extproc.detectors.pii_numbers import PII_TYPES
from forebay.config import absent, schema
from forebay.config.document import EXAMPLE, MINIMAL, markdown
from forebay.config.errors import ConfigErrors
from forebay.config.fields import fields
from forebay.config.load import load_text
from forebay.config.patterns import text
from forebay.config.pii_types import PiiType

ROOT = Path(__file__).parents[4]


def valid(document: Any) -> bool:
    """Whether the committed schema accepts `document`."""
    checker = jsonschema.Draft202012Validator(json.loads(schema.committed()))
    return bool(checker.is_valid(document))


def test_the_committed_schema_is_the_generated_one() -> None:
    """Run `forebay schema > forebay/config/forebay.schema.json` when this fails."""
    assert schema.committed() == schema.text()


def test_the_schema_is_a_schema() -> None:
    """Draft 2020-12 accepts it."""
    jsonschema.Draft202012Validator.check_schema(schema.json_schema())


@pytest.mark.parametrize("example", [EXAMPLE, MINIMAL])
def test_the_examples_fit_the_schema(example: str) -> None:
    """Short forms included."""
    assert valid(yaml.safe_load(example))


@pytest.mark.parametrize(
    "change",
    [
        {"cache": {}},
        {"version": 2},
        {"auth": "maybe"},
        {"auth": {}},
        {"auth": None},
        {"providers": {}},
        {"providers": {"One": {"type": "mock"}}},
        {"providers": {"one": {"type": "azure"}}},
        {"providers": {"one": {"type": "openai", "key": "sk-literal"}}},
        {"models": {"a:b": "one/m"}},
        {"models": {"fast": "gpt-4o"}},
        {"models": {"fast": {"backends": [{"use": "one/m", "weight": -1}]}}},
        {"models": {"fast": {"backends": [{"use": "one/m", "weight": 1}], "timeout": {"total": 5}}}},
        {"caps": {"n": True}},
        {"guards": {"default": {"injection": {"out": "block"}}}},
        {"telemetry": {"prometheus": 70000}},
    ],
)
def test_schema_and_loader_refuse_the_same_shapes(change: dict[str, Any], folder: Path) -> None:
    """What an editor underlines, the loader refuses."""
    document = {"providers": {"one": {"type": "mock"}}, "models": {"fast": "one/m"}} | change
    assert not valid(document)
    with pytest.raises(ConfigErrors):
        load_text(yaml.safe_dump(document), folder / "forebay.yaml")


def test_the_committed_page_is_the_generated_one() -> None:
    """docs/config.md comes from `forebay.config.document.markdown()`."""
    assert (ROOT / "docs" / "config.md").read_text("utf-8") == markdown()


def test_a_config_may_name_every_kind_of_personal_data_that_is_detected() -> None:
    """The model may not import the detectors, so the two lists are compared here."""
    assert set(get_args(PiiType)) == set(PII_TYPES)


def test_every_key_is_described() -> None:
    """A key without a description is a key nobody can use."""
    nameless = [text(each.path) for each in fields() if not each.description and each.path[-1] not in ("*", "[]")]
    assert nameless == []


def test_what_is_not_in_this_version_is_not_in_the_model() -> None:
    """A key cannot be both."""
    assert not {text(each.path) for each in fields()} & set(absent.KEYS)


@pytest.mark.parametrize("key", sorted(absent.KEYS))
def test_each_absent_key_is_refused_by_name(key: str, folder: Path) -> None:
    """Wherever it stands, with the same words, and once."""
    document: Any = 5
    for part in reversed(key.replace("[]", ".[]").split(".")):
        document = [document] if part == "[]" else {"one" if part == "*" else part: document}
    with pytest.raises(ConfigErrors) as caught:
        load_text(yaml.safe_dump(document), folder / "forebay.yaml")
    path = key.replace("[]", "[0]").replace("*", "one")
    assert [each.path for each in caught.value.problems if each.message == absent.MESSAGE] == [path]


@pytest.mark.parametrize("kind", absent.PROVIDER_TYPES)
def test_each_absent_provider_type_is_refused_by_name(kind: str, folder: Path) -> None:
    """Providers that are planned are told apart from typing errors."""
    with pytest.raises(ConfigErrors, match=r"one\.type: not in this version$"):
        load_text(f"providers: {{one: {{type: {kind}}}}}\nmodels: {{a: one/m}}\n", folder / "forebay.yaml")
