"""Texts inside JSON inside strings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.json_spans import MAX_VALUES, parse
from extproc.messages.refusal import Refused
from extproc.messages.texts import VOCABULARY, Texts
from forebay.outcomes import Reason

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\n"\\😀é'), min_size=1, max_size=12)


@given(st.lists(TEXT, min_size=1), st.booleans(), st.booleans())
def test_each_inner_string_is_found_at_its_place(inner: list[str], ascii_inside: bool, ascii_outside: bool) -> None:
    """However both layers escape."""
    argument = json.dumps({"k": inner}, ensure_ascii=ascii_inside)
    body = json.dumps([argument], ensure_ascii=ascii_outside).encode()
    texts = Texts(body, 50)
    (node,) = parse(body, 50).value  # type: ignore[misc, union-attr]
    texts.add_json(node, "p", "assistant", argument)
    cuts = [json.loads(json.loads(b'"' + body[text.start : text.end] + b'"')) for text in texts.found]
    assert cuts == [text.value for text in texts.found]
    assert {text.value for text in texts.found} == set(inner) - VOCABULARY


@pytest.mark.parametrize("argument", ["", "plain", "{broken", '{"a":1,"a":2}', "[" * 60, "12345678"])
def test_what_is_no_json_is_one_plain_text(argument: str) -> None:
    """Models do produce broken arguments."""
    body = json.dumps([argument]).encode()
    texts = Texts(body, 50)
    (node,) = parse(body, 50).value  # type: ignore[misc, union-attr]
    texts.add_json(node, "p", "assistant", argument)
    assert [(text.value, text.nested) for text in texts.found] == [(argument, 0)] * bool(argument)


def test_all_json_in_strings_shares_one_bound() -> None:
    """Many arguments must not cost more than one body may."""
    argument = json.dumps([0] * (MAX_VALUES // 2))
    body = json.dumps([argument]).encode()
    texts = Texts(body, 50)
    (node,) = parse(body, 50).value  # type: ignore[misc, union-attr]
    texts.add_json(node, "p", "assistant", argument)
    with pytest.raises(Refused) as caught:
        texts.add_json(node, "p", "assistant", argument)
    assert caught.value.reason is Reason.CAP_EXCEEDED


def test_short_keys_and_fixed_words_are_left_out() -> None:
    """Nothing that a detector knows fits into them."""
    body = b'{"short":"string","longer":"x","parameters":{"type":"object"},"n":123456,"m":1234567}'
    texts = Texts(body, 50)
    texts.add_all(parse(body, 50), "p", "tool")
    assert [(text.value, text.form) for text in texts.found] == [
        ("longer", "key"),
        ("x", "string"),
        ("1234567", "number"),
    ]


def test_each_value_knows_the_keys_it_stands_under() -> None:
    """Also inside tool arguments, in arrays and beside what names it; words of a schema and short words are no news."""
    inner = (
        '{"customer":{"ssn":["536221234"]},"parameters":{"phone":5550100123},"f":{"name":"tax id","value":"12345678"}}'
    )
    body = json.dumps([inner, {"iban": "x1"}]).encode()
    texts = Texts(body, 50)
    argument, flat = parse(body, 50).value  # type: ignore[misc, union-attr]
    texts.add_json(argument, "p", "assistant", inner)
    texts.add_all(flat, "p", "user")
    names = {texts.found[index].value: named for index, named in texts.hints().names.items()}
    assert names == {
        "536221234": ("customer", "ssn"),
        "5550100123": ("phone",),
        "12345678": ("f", "value", "tax id"),
        "x1": ("iban",),
    }


def test_only_the_nearest_keys_are_remembered() -> None:
    """Deep bodies must not cost their depth once per value."""
    body = json.dumps({"a": {"b": {"c": {"d": {"e": "12345678"}}}}}).encode()
    texts = Texts(body, 50)
    texts.add_all(parse(body, 50), "p", "user")
    assert list(texts.hints().names.values()) == [("b", "c", "d", "e")]
