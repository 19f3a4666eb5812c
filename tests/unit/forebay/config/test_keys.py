"""API keys: read, checked, hidden."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.config.keys import ApiKey, KeyRefused, fingerprint, read_keys
from forebay.config.secrets import SecretReference, SecretUnavailable

KEY = "0123456789abcdef"


def behind(tmp_path: Path, content: str) -> SecretReference:
    """A reference to a file with `content`."""
    path = tmp_path / "keys"
    path.write_text(content, "utf-8", newline="")
    return SecretReference("file", str(path))


def test_keys_stand_one_per_line(tmp_path: Path) -> None:
    """Blank lines, comments, outer spaces and Windows line ends are skipped."""
    reference = behind(tmp_path, f"# team\n{KEY}\r\n\n  {KEY}2  \n# old\n")
    assert [key.value for key in read_keys(reference)] == [KEY, KEY + "2"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (KEY[:15], "key 2 is shorter than 16 characters"),
        ("k" * 1025, "key 2 is longer than 1024 characters"),
        (f"{KEY} x", "key 2 holds white space, a comma, a control or a non-ASCII character"),
        (f"{KEY},x", "key 2 holds white space, a comma, a control or a non-ASCII character"),
        (f"{KEY}\x01", "key 2 holds white space, a comma, a control or a non-ASCII character"),
        (f"{KEY}\x85{KEY}", "key 2 holds white space, a comma, a control or a non-ASCII character"),
        (f"{KEY}é", "key 2 holds white space, a comma, a control or a non-ASCII character"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "key 2 looks like a JWT"),
        ("eyyyyyyyyyyyyyyy..", "key 2 looks like a JWT"),
        (f"fbp-{KEY}", "key 2 starts with fbp-, which is reserved for the readiness probe"),
        ("f" * 16, "key 2 is listed twice"),
    ],
)
def test_a_key_that_cannot_work_is_refused_unseen(line: str, reason: str, tmp_path: Path) -> None:
    """The message counts the keys and shows none."""
    with pytest.raises(KeyRefused) as caught:
        read_keys(behind(tmp_path, f"{'f' * 16}\n{line}\n"))
    assert str(caught.value).endswith(f": {reason}")
    assert KEY not in str(caught.value)


def test_a_file_of_comments_holds_no_key(tmp_path: Path) -> None:
    """No key at all would lock everybody out unseen."""
    with pytest.raises(KeyRefused, match="holds no key"):
        read_keys(behind(tmp_path, "# nothing yet\n"))


def test_a_missing_file_is_unavailable(tmp_path: Path) -> None:
    """The reference is named."""
    with pytest.raises(SecretUnavailable, match="no such file"):
        read_keys(SecretReference("file", str(tmp_path / "none")))


def test_a_key_is_not_in_its_representation() -> None:
    """A key in a log line or traceback shows nothing."""
    assert KEY not in f"{ApiKey(KEY)!r} {ApiKey(KEY)} {[ApiKey(KEY)]}"


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=16, max_size=60))
def test_any_printable_key_that_is_no_jwt_is_accepted(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    """At least 16 characters of printable ASCII."""
    if key.startswith(("#", "fbp-")) or (key.startswith("ey") and key.count(".") == 2):
        return
    assert read_keys(behind(tmp_path_factory.getbasetemp(), key)) == (ApiKey(key),)


def test_a_fingerprint_depends_on_the_gateway_and_the_key() -> None:
    """8 hex digits, stable, different for another key or another gateway."""
    first = fingerprint(b"a" * 32, KEY)
    assert len(first) == 8
    assert int(first, 16) >= 0
    assert first == fingerprint(b"a" * 32, KEY)
    assert len({first, fingerprint(b"b" * 32, KEY), fingerprint(b"a" * 32, KEY + "x")}) == 3
