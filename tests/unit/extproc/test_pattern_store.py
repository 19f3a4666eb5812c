"""Compiled patterns in files: found again, and believed only where nobody else can have written them."""

from pathlib import Path

import pytest

from extproc.detectors import patterns
from extproc.detectors.patterns import Patterns, Trigger, keep_in
from extproc.pattern_store import PatternStore, folder

TRIGGERS = (Trigger(3, rb"b+c", once=True), Trigger(5, rb"x[yz]", caseless=False))


@pytest.fixture(autouse=True)
def _no_store_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_store", None)


class Counting(PatternStore):
    """Counts what is saved."""

    saved = 0

    def save(self, name: str, data: bytes) -> None:
        """Counted."""
        self.saved += 1
        super().save(name, data)


def test_what_was_compiled_once_is_loaded(tmp_path: Path) -> None:
    """The second process finds what the first one left, and finds the same hits."""
    store = Counting(tmp_path / "patterns")
    keep_in(store)
    first, second = Patterns(TRIGGERS), Patterns(TRIGGERS)
    assert first.scan(b"abbcXYxy") == second.scan(b"abbcXYxy") == [(3, 0, 4), (5, 0, 8)]
    assert store.saved == 1
    Patterns(TRIGGERS[:1]).prepare()
    assert store.saved == 2


def test_what_is_damaged_is_compiled_anew(tmp_path: Path) -> None:
    """A torn file, one of another version, one that is empty."""
    store = PatternStore(tmp_path / "patterns")
    keep_in(store)
    Patterns(TRIGGERS).prepare()
    (path,) = (tmp_path / "patterns").iterdir()
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:40] + b"?" + whole[41:], b""):
        path.write_bytes(damaged)
        assert store.load(path.name) is None
        assert Patterns(TRIGGERS).scan(b"bc") == [(3, 0, 2)]
    store.save(path.name, b"no database")
    assert Patterns(TRIGGERS).scan(b"bc") == [(3, 0, 2)]


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_to_is_not_believed(tmp_path: Path, mode: int) -> None:
    """Whoever writes there would decide what the guards find."""
    place = tmp_path / "patterns"
    store = PatternStore(place)
    store.save("name", b"data")
    assert store.load("name") == b"data"
    place.chmod(mode)
    assert store.load("name") is None
    store.save("other", b"data")
    assert [path.name for path in place.iterdir()] == ["name"]


def test_a_link_to_a_folder_is_not_believed(tmp_path: Path) -> None:
    """It may lead to another one the next time."""
    PatternStore(tmp_path / "real").save("name", b"data")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert PatternStore(tmp_path / "link").load("name") is None


def test_where_nothing_can_be_kept_nothing_fails(tmp_path: Path) -> None:
    """A read-only file system, a user without a home."""
    (tmp_path / "file").write_bytes(b"")
    store = PatternStore(tmp_path / "file" / "patterns")
    store.save("name", b"data")
    assert store.load("name") is None


def test_the_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the XDG Base Directory specification says."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert str(folder()).startswith(f"{tmp_path}/forebay/patterns-")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative is to be ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(folder()).startswith(f"{tmp_path}/.cache/forebay/patterns-")
    monkeypatch.setenv("HOME", "nowhere")
    assert folder() is None
