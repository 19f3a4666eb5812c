"""What stands in for a redacted value: `[EMAIL_ADDRESS_x7k2mq]`, the same for the same value of a tenant.

ASCII, and the same inside a JSON string as outside. The tag is keyed, so it tells nothing about the value to somebody
without the key. A look-alike that already stands in the request is never restored into somebody's value: the tag is
bumped until the placeholder occurs nowhere in the request.
"""

import re
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import field
from hashlib import blake2b

from extproc.detectors.pii_numbers import PII_TYPES
from extproc.findings import Kind, Span, Text
from forebay.frozen import frozen

_TAG_LENGTH = 6
_PII = frozenset(PII_TYPES)
_LOOK_ALIKE = re.compile(r"\[([A-Z][A-Z0-9_]{0,60}_[a-z2-7]{6})\]")


@frozen
class Replacement:
    """One stretch of a text, in code points, and what stands in for it."""

    start: int
    end: int
    kind: Kind
    type: str
    placeholder: str
    original: str = field(repr=False)


@frozen
class Redaction:
    """The replacements of every text, in order."""

    per_text: tuple[tuple[Replacement, ...], ...]

    @property
    def replacements(self) -> tuple[tuple[tuple[int, int, str], ...], ...]:
        """Per text (start, end, placeholder)."""
        return tuple(tuple((one.start, one.end, one.placeholder) for one in items) for items in self.per_text)

    @property
    def values(self) -> Mapping[str, str]:
        """Placeholder -> original, for restoring."""
        return {one.placeholder: one.original for items in self.per_text for one in items}

    @property
    def counts(self) -> Mapping[str, int]:
        """Type -> how many stretches are replaced."""
        counts: dict[str, int] = {}
        for items in self.per_text:
            for one in items:
                counts[one.type] = counts.get(one.type, 0) + 1
        return counts


def tag(state_key: bytes, tenant: str, value: str, bump: int = 0) -> str:
    """Six base32 characters for a tenant's value, keyed by `state_key` (64 bytes of it); `bump` gives others.

    Lengths are part of what is hashed, so no tenant and value run into each other.
    """
    message = b"".join(
        len(part).to_bytes(8, "big") + part
        for part in (tenant.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass"), b"%d" % bump)
    )
    digest = blake2b(message, key=state_key[:64], digest_size=5, person=b"forebay-tag").digest()
    return b32encode(digest).decode().lower()[:_TAG_LENGTH]


def placeholder(state_key: bytes, tenant: str, type_: str, value: str, bump: int = 0) -> str:
    """What stands in for `value` of `type_`: a secret's rule id is written like a type, in capitals."""
    name = type_.replace("-", "_").upper()
    return f"[{name}_{tag(state_key, tenant, f'{name}:{value}', bump)}]"


def plan(texts: Sequence[Text], spans: Sequence[Sequence[Span]], state_key: bytes, tenant: str) -> Redaction:
    """What to replace in `texts` (one sequence of disjoint spans each) and by what.

    One value has one placeholder, two values never share one, and none occurs in a text already.
    """
    chosen: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    present = _bracketed(texts) if any(spans) else frozenset()
    per_text = []
    for text, found in zip(texts, spans, strict=True):
        items = []
        for span in found:
            original = text.value[span.start : span.end]
            stand_in = chosen.get((span.type, original))
            if stand_in is None:
                bump = 0
                stand_in = placeholder(state_key, tenant, span.type, original)
                while stand_in in taken or stand_in[1:-1] in present:
                    bump += 1
                    stand_in = placeholder(state_key, tenant, span.type, original, bump)
                chosen[span.type, original] = stand_in
                taken.add(stand_in)
            kind: Kind = "pii" if span.type in _PII else "secret"
            items.append(Replacement(span.start, span.end, kind, span.type, stand_in, original))
        per_text.append(tuple(items))
    return Redaction(tuple(per_text))


def _bracketed(texts: Sequence[Text]) -> frozenset[str]:
    """Every bracketed word of the request that could be a placeholder."""
    return frozenset(word for text in texts if "[" in text.value for word in _LOOK_ALIKE.findall(text.value))
