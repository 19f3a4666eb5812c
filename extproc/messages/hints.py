"""What is known of the texts of a body beyond what each says by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TypeAlias

from forebay.frozen import frozen

Names: TypeAlias = tuple[str, ...]


@frozen
class Document:
    """A text that stands encoded in the JSON string `body[start:end]`, behind `head`."""

    start: int
    end: int
    head: str = field(repr=False)  # "data:text/plain;base64,"; empty for bare base64
    base64: bool  # else percent signs
    value: str = field(repr=False)


@frozen
class Hints:
    """By the index of a text among the texts of its body."""

    names: Mapping[int, Names] = field(default_factory=dict, repr=False)  # keys on the way to a value, outermost first
    runs: Sequence[Sequence[int]] = ()  # texts that a model reads one directly after the other
    links: Sequence[int] = ()  # URLs that say something else once their percent signs are decoded
    fixed: Sequence[int] = ()  # numbers that the API takes as numbers only
    documents: Mapping[int, Document] = field(default_factory=dict, repr=False)  # texts without a JSON string of theirs
    signed: Sequence[int] = ()  # texts of which no byte may change
