"""What each Envoy has acknowledged or refused, without anything it quoted.

The text of a NACK may hold the refused resource, keys included. What is kept of it: names of our own resources, phrases
from a fixed list, and a hash by which two refusals can be told apart.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from xds.snapshot import SHORT, TYPES, Snapshot
from xds.stream import AdsStream, Phase

_NAMES_SHOWN: Final = 5
# what Envoy says -> what we say; matched in order, all that fit are named
PHRASES: Final[tuple[tuple[str, str], ...]] = (
    ("Duplicated credential key", "an API key is listed twice"),
    ("Duplicate", "something is listed twice"),
    ("Proto constraint validation failed", "a field breaks a constraint of Envoy's API"),
    ("unknown cluster", "an unknown cluster is referred to"),
    ("Unable to parse JSON", "JSON cannot be parsed"),
    ("has unknown fields", "this Envoy does not know a field"),
    ("Unknown field", "this Envoy does not know a field"),
    ("Didn't find a registered implementation", "this Envoy lacks an extension"),
    ("could not find", "something referred to is not there"),
    ("unable to read file", "a file cannot be read"),
    ("does not exist", "a file does not exist"),
    ("Invalid path", "a path cannot be used"),
    ("Failed to load certificate", "a certificate cannot be loaded"),
    ("Failed to load private key", "a private key cannot be loaded"),
    ("Failed to load trusted CA", "a CA bundle cannot be loaded"),
    ("Failed to load incomplete", "a certificate or key is incomplete"),
    ("KEY_VALUES_MISMATCH", "certificate and private key do not belong together"),
    ("cannot bind", "an address cannot be bound"),
    ("Address already in use", "an address is already in use"),
    ("Permission denied", "permission is denied"),
    ("no argument for repetition operator", "a regular expression is invalid"),
    ("script load error", "a Lua script does not load"),
    ("Missing SDS resources", "a secret is missing"),
    ("Error adding/updating", "a resource could not be added"),
)


class Sync(StrEnum):
    """Where one Envoy stands with one type."""

    SYNCED = "synced"
    STALE = "stale"  # something is on its way or has to wait
    NACKED = "nacked"


@dataclass(frozen=True, slots=True)
class Status:
    """One Envoy, one type."""

    node: str
    type: str  # CDS, LDS, ...
    version: str
    sync: Sync
    reason: str = ""  # of a NACK, redacted; or which phase takes longer than it should


def statuses(stream: AdsStream) -> list[Status]:
    """One per type that this Envoy has asked for."""
    return [_status(stream, kind) for kind in TYPES if stream.subscriptions[kind].requested]


def _status(stream: AdsStream, kind: str) -> Status:
    refused = stream.subscriptions[kind].refused
    sync, reason = Sync.STALE, ""
    if refused:
        sync, reason = Sync.NACKED, redact(refused.text, stream.target)
    elif stream.settled(kind):
        sync = Sync.SYNCED
    elif stream.stuck and stream.phase is not Phase.SETTLED:
        reason = f"phase {stream.phase} takes longer than expected"
    return Status(stream.node_id, SHORT[kind], stream.version(kind), sync, reason)


def redact(text: str, snapshot: Snapshot) -> str:
    """What may be shown of a text of Envoy's: phrases of ours, names of our resources that occur in it, and a hash."""
    said = [ours for theirs, ours in PHRASES if theirs.lower() in text.lower()][:2] or ["refused"]
    names = _names(text, (name for kind in TYPES for name in snapshot.resources[kind]))
    about = f" ({', '.join(names)})" if names else ""
    return f"{'; '.join(said)}{about} [{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}]"


def _names(text: str, names: Iterable[str]) -> list[str]:
    found = set()
    for name in sorted({name for name in names if name in text}, key=len, reverse=True):
        # the longest first, and out of the text: `one` is not meant where `b:one/gpt-4o` stands
        text, count = re.subn(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " ", text)
        if count:
            found.add(name)
    return sorted(found)[:_NAMES_SHOWN]
