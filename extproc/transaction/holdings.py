"""How many bytes of bodies the open transactions hold, by tenant and in all, and where that ends.

A prompt is held from its arrival until it is let through: while it is inspected, while it queues for that, while the
policy decides. An answer in which values are restored is held until it is whole. The bounds are of one processor.
"""

from dataclasses import dataclass, field
from typing import Final

OF_A_TENANT: Final = 128 << 20
IN_ALL: Final = 384 << 20


@dataclass(slots=True)
class Holdings:
    """Counts what is held. Shared by every configuration of a process, so that a reload forgives nothing."""

    of_a_tenant: int = OF_A_TENANT
    in_all: int = IN_ALL
    total: int = 0
    by_tenant: dict[str, int] = field(default_factory=dict)

    def fits(self, tenant: str, size: int) -> bool:
        """Whether a body of `size` bytes may be held too. A tenant's only one is bounded by the limit for bodies."""
        held = self.by_tenant.get(tenant, 0)
        return self.total + size <= self.in_all and (not held or held + size <= self.of_a_tenant)

    def changed(self, tenant: str, by: int) -> None:
        """A transaction of this tenant holds `by` bytes more, or less."""
        self.total += by
        held = self.by_tenant.get(tenant, 0) + by
        if held:
            self.by_tenant[tenant] = held
        else:
            self.by_tenant.pop(tenant, None)
