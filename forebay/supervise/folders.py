"""The two folders of a gateway: one that dies with it, one that outlives it."""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from forebay.places import Places
from forebay.supervise.part import CannotServe

_OWNER = "owner.lock"
_RUN_FOLDER = re.compile(r"fb-[0-9a-f]{8}")
_SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path, without the final zero


def new_run_folder() -> Path:
    """A path for a run folder that does not exist yet: below XDG_RUNTIME_DIR, else below the temporary folder."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    parent = Path(base) if base and os.access(base, os.W_OK) else Path(tempfile.gettempdir())
    return parent / f"fb-{secrets.token_hex(4)}"


def default_state_folder(source: Path) -> Path:
    """`.forebay` beside the config file, or beside the link to it."""
    return source.absolute().parent / ".forebay"


def check_sockets(sockets: list[Path]) -> None:
    """Raises CannotServe when a socket's path is longer than the system allows."""
    longest = max(sockets, key=lambda path: len(os.fsencode(path)))
    if len(os.fsencode(longest)) > _SOCKET_PATH_LIMIT:
        raise CannotServe(
            f"the socket path {longest} is longer than {_SOCKET_PATH_LIMIT} bytes: "
            "give a shorter --run-dir, or the provider a shorter name"
        )


@contextlib.contextmanager
def claimed(places: Places) -> Iterator[None]:
    """Hold the state folder for this gateway alone, and remove the run folder at the end.

    Raises CannotServe when another gateway holds it.
    """
    descriptor = os.open(places.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            raise CannotServe(
                f"another gateway (process {holder or 'unknown'}) uses the state folder {places.state}: "
                "stop it, or give this one its own with --state-dir"
            ) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def run_folder(wanted: Path | None) -> Iterator[Path]:
    """The run folder to use, made if it is not there. Removed at the end with all in it, unless it was there before.

    A folder that was given and existed keeps whatever else than sockets is in it. Before a new folder is made, those
    that killed gateways left beside it are removed.
    """
    path = wanted.resolve() if wanted is not None else new_run_folder()
    existed = path.exists()
    if wanted is None:
        sweep(path.parent)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    owned = _own(path) if wanted is None else None
    try:
        yield path
    finally:
        if existed:
            for socket in path.glob("*.sock"):
                socket.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)
        if owned is not None:
            os.close(owned)


def sweep(parent: Path) -> None:
    """Remove the run folders of this user whose gateway is gone: nobody holds the lock in them any more."""
    for path in parent.glob("fb-*"):
        with contextlib.suppress(OSError):  # without a lock it is not ours, held it is in use, gone it is gone
            if not _RUN_FOLDER.fullmatch(path.name) or path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(path / _OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _own(path: Path) -> int:
    """Hold a lock in a new run folder for as long as this process lives. It appears locked: nobody sweeps it before."""
    temporary = path / f".{_OWNER}"
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    temporary.rename(path / _OWNER)
    return descriptor
