"""What may touch a value, and what makes it part of something else."""

import pytest

from extproc.detectors.scoring import personal_data, secret_spans

CARD = "4111111111111111"
IBAN = "DE89370400440532013000"
TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"


def found(text: str) -> list[str]:
    return [text[start:end] for start, end, _ in personal_data(text)]


@pytest.mark.parametrize("value", [CARD, IBAN, "536-90-4399", "529.982.247-25", "192.0.2.7", "AB123456C"])
@pytest.mark.parametrize("frame", ["12,{},3", "_{}_", "号{}号", "({})", "«{}»", "a={};b", "#{}"])
def test_signs_and_other_scripts_do_not_hide_a_value(value: str, frame: str) -> None:
    """The columns of a table, the marks of emphasis, words of a script without spaces."""
    assert found(frame.format(value)) == [value]


@pytest.mark.parametrize("value", [CARD, IBAN, "529.982.247-25", "11010519491231002X"])
@pytest.mark.parametrize("frame", ["no{}", "{}z", "number{}z", "id_{}", "ref-{}"])
def test_letters_do_not_hide_what_a_check_digit_proves(value: str, frame: str) -> None:
    """A word may run into it on either side."""
    assert found(frame.format(value)) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "T536-90-4399",
        "1-536-90-4399",
        f"0.{CARD}",
        f"[1.{CARD}, 2.7182818284590452]",
        f"a1b2c3{CARD}d4",
        f"9{CARD}",
        "lib_192.0.2.7.so",
        "pkg-192.0.2.7-beta",
        "y = X@W.to_numpy()",
        "pkg@2.0.rc1",
    ],
)
def test_a_piece_of_something_else_is_no_value(text: str) -> None:
    """Part numbers, fractions, hashes, versions and code."""
    assert found(text) == []


def test_a_word_for_cards_outweighs_the_look_of_a_fraction() -> None:
    """Behind "card" even the fraction of a number is one."""
    assert found(f"card 0.{CARD}") == [CARD]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("_maria@x.com_", "_maria@x.com"),
        ("maria-ask@x.com", "maria-ask@x.com"),
        ("maria@x.com.2", "maria@x.com"),
        ("maria@x.com. Then", "maria@x.com"),
        ("maria@x.com2", "maria@x.com"),
        ("邮箱maria@x.com。", "maria@x.com"),
        ("'maria@x.com'", "maria@x.com"),
        ('"maria rossi"@x.com', '"maria rossi"@x.com'),
        ("a@xn--e1afmkfd.xn--p1ai", "a@xn--e1afmkfd.xn--p1ai"),
        ("用户@例え.jp", "用户@例え.jp"),
    ],
)
def test_an_address_ends_where_its_domain_does(text: str, value: str) -> None:
    """Whatever stands around it."""
    assert found(text) == [value]


@pytest.mark.parametrize("length", [64, 65, 400, 5000])
def test_a_local_part_of_any_length_is_taken_whole(length: int) -> None:
    """Longer than the standard allows is still somebody's address."""
    address = "a" * length + "@example.org"
    assert found(f"to {address} now") == [address]


@pytest.mark.parametrize("frame", ["_{}", "x{}", "key_{} end", "{}_"])
def test_an_unmistakable_prefix_needs_no_boundary(frame: str) -> None:
    """A provider's token is found inside a longer word."""
    text = frame.format(TOKEN)
    assert [text[start:end] for start, end, _ in secret_spans(text)] == [TOKEN]


def test_a_stand_in_before_a_secret_does_not_hide_it() -> None:
    """The placeholder is refused, the value behind it is tried."""
    text = "token=your_key&token=kj34h5KJH345kjh34kJH"
    assert [text[start:end] for start, end, _ in secret_spans(text)] == ["kj34h5KJH345kjh34kJH"]


def test_a_word_of_example_does_not_excuse_a_private_key() -> None:
    """A key's body is a key, whatever else stands between its lines."""
    body = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5" * 4
    pem = "-----BEGIN RSA " + f"PRIVATE KEY-----\nEXAMPLE\n{body}\n-----END RSA " + "PRIVATE KEY-----"
    assert [kind for *_, kind in secret_spans(pem)] == ["private-key"]
