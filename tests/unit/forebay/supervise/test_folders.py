"""The run folder that dies with the gateway, and the state folder that one gateway has to itself."""

from pathlib import Path

import pytest

from forebay.places import Places, prepare
from forebay.supervise.folders import claimed, default_state_folder, new_run_folder, run_folder, sweep
from forebay.supervise.part import CannotServe


def test_two_gateways_cannot_share_a_state_folder(tmp_path: Path) -> None:
    """The second is told who holds it and what to do."""
    places = Places(tmp_path / "run", tmp_path / "state")
    prepare(places)
    with claimed(places), pytest.raises(CannotServe, match=r"process \d+\).*--state-dir"), claimed(places):
        pass
    with claimed(places):
        assert (places.state / "lock").exists()


def test_a_run_folder_is_short_private_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name leaves room for the sockets in it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert new_run_folder().parent == tmp_path
    with run_folder(None) as path:
        prepare(Places(path, tmp_path / "state"))
        (path / "x.sock").touch()
        assert path.stat().st_mode & 0o777 == 0o700
        assert len(path.name) < 16
    assert not path.exists()


def test_a_run_folder_that_was_there_keeps_all_but_sockets(tmp_path: Path) -> None:
    """It is not ours to remove."""
    (tmp_path / "x.sock").touch()
    (tmp_path / "note").touch()
    with run_folder(tmp_path) as path:
        assert path == tmp_path
    assert [each.name for each in tmp_path.iterdir()] == ["note"]


def test_the_state_folder_lies_beside_the_config_or_the_link_to_it(tmp_path: Path) -> None:
    """A mounted config is often a link into a folder that nobody may write to."""
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "f.yaml").touch()
    (tmp_path / "f.yaml").symlink_to(tmp_path / "mounted" / "f.yaml")
    assert default_state_folder(tmp_path / "f.yaml") == tmp_path / ".forebay"


def test_what_a_killed_gateway_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders in use, and those that are not ours, stay."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "fb-00000000").mkdir()
    (tmp_path / "fb-00000000" / "owner.lock").touch()
    (tmp_path / "fb-00000001").mkdir()
    (tmp_path / "fb-others").mkdir()
    (tmp_path / "fb-others" / "owner.lock").touch()
    with run_folder(None) as mine:
        sweep(tmp_path)
        assert {each.name for each in tmp_path.iterdir()} == {"fb-00000001", "fb-others", mine.name}
    assert not mine.exists()
