"""Frozen dataclasses whose making costs no more than that of others.

`dataclass(frozen=True)` writes every field through `object.__setattr__`, which doubles and trebles what it costs to
make one; a call makes thirty. That nobody changes one is what the type checker sees to, in every commit, so it need
not be seen to again for every call.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """A dataclass with slots, compared and hashed by its fields, that the type checker lets nobody change."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
