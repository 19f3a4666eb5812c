"""Where a running gateway keeps its files and sockets."""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The two folders of one gateway: `run` dies with the process, `state` survives it. Both are 0700.

    Socket names are short because a Unix socket path may hold 107 bytes at most.
    """

    run: Path
    state: Path

    @property
    def xds_socket(self) -> Path:
        return self.run / "x.sock"

    def inspector_socket(self, number: int = 0) -> Path:
        return self.run / f"i{number}.sock"

    def health_socket(self, number: int = 0) -> Path:
        """Where inspector `number` answers gRPC health checks."""
        return self.run / f"h{number}.sock"

    @property
    def admin_socket(self) -> Path:
        """Envoy's admin interface: never a TCP port, it can print configuration and stop the process."""
        return self.run / "a.sock"

    def mock_socket(self, provider: str) -> Path:
        """Where the built-in provider of `type: mock` listens."""
        return self.run / f"m-{provider}.sock"

    @property
    def mocks_socket(self) -> Path:
        """Where the part that serves all built-in providers says that it is ready."""
        return self.run / "m.sock"

    @property
    def recorder_socket(self) -> Path:
        """The recorder's HTTP endpoint (/metrics, /livez, /readyz), always there, beside the configured address."""
        return self.run / "r.sock"

    @property
    def bootstrap(self) -> Path:
        return self.run / "bootstrap.json"

    @property
    def envoy_record(self) -> Path:
        """The lines as Envoy writes them."""
        return self.state / "envoy-record.jsonl"

    @property
    def records(self) -> Path:
        """The records as the recorder publishes them: outcome and reason named, schema checked."""
        return self.state / "records.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.state / "checkpoint.json"

    @property
    def last_good(self) -> Path:
        """The last config that passed every check, as YAML text with its references, never with secret values."""
        return self.state / "last-good.yaml"

    @property
    def published(self) -> Path:
        """The digest of the config in force: written by the control plane after `last_good`, followed by the others."""
        return self.state / "published"

    @property
    def state_key(self) -> Path:
        """32 random bytes: keys placeholder tags and credential fingerprints of this gateway."""
        return self.state / "state.key"

    @property
    def probe_key(self) -> Path:
        """The credential of the readiness probe, text."""
        return self.state / "probe.key"

    @property
    def local_key(self) -> Path:
        """The generated API key of a config without auth, text."""
        return self.state / "local.key"


def prepare(places: Places) -> None:
    """Create the two folders (0700) and, in `state`, the generated secrets and Envoy's record that are not there yet.

    All files of ours are 0600, also those that an earlier start left readable to others.
    Safe to call from several processes at once: each file appears whole or not at all. Raises OSError when a folder
    cannot be made or belongs to somebody else's reach; give the gateway another `--state-dir` then.
    """
    for folder in (places.run, places.state):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    _write_once(places.state_key, secrets.token_bytes(32))
    _write_once(places.probe_key, f"fbp-{secrets.token_hex(24)}".encode())
    _write_once(places.local_key, f"fb-{secrets.token_hex(24)}".encode())
    places.envoy_record.touch(mode=0o600)  # Envoy itself would make it readable to everybody
    for path in (places.envoy_record, places.checkpoint, places.records):
        with contextlib.suppress(FileNotFoundError):
            path.chmod(0o600)


def _write_once(path: Path, content: bytes) -> None:
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        # link fails where another process was first: its content stays
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
