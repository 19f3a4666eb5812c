"""The resolved config, compiled: what exchanges run on.

Swapped as one reference; an exchange ends on the one it began with.
"""

import logging
from collections.abc import Callable
from functools import partial

from extproc.inspector import Inspector
from extproc.messages.answer import Usage
from extproc.policy.document import PolicyFacts, build
from extproc.policy.evaluator import Evaluator
from extproc.policy.verdict import PolicyVerdict
from extproc.transaction.context import Context
from extproc.transaction.effects import Conclude
from extproc.transaction.holdings import Holdings
from extproc.turns import Turns
from extproc.usage.cost import price
from extproc.usage.tokens import count
from forebay.config.resolved import Resolved
from forebay.observability.probe import answer

log = logging.getLogger(__name__)


class Runtime:
    """One configuration in service. Counts its exchanges, so that a replaced one is closed when the last has ended."""

    def __init__(
        self,
        resolved: Resolved,
        inspector: Inspector,
        evaluator: Evaluator | None,
        state_key: bytes,
        holdings: Holdings,
        turns: Turns,
    ) -> None:
        self.resolved = resolved
        self.inspector = inspector
        self.turns = turns
        self._evaluator = evaluator
        self._open = 0
        self._retired: Callable[[], None] | None = None
        self.context = Context(
            digest=resolved.digest,
            tenants=dict(resolved.tenants),
            models=dict(resolved.models),
            caps=resolved.caps,
            body_limit=resolved.listen.body_limit,
            policies=resolved.policies,
            jwt=resolved.auth.jwt,
            anonymous=resolved.auth.none,
            policy_revision=evaluator.revision if evaluator else "",
            probe_answer=partial(_probe_answer, state_key, resolved.digest),
            price=price,
            count_tokens=count,
            server_timing=resolved.telemetry.server_timing,
            holdings=holdings,
        )

    async def decide(self, facts: PolicyFacts) -> PolicyVerdict:
        """The policy's verdict. Raises PolicyError when there is none to be had in time."""
        if self._evaluator is None:
            raise RuntimeError("no policies are configured")
        return await self._evaluator.decide(build(facts))

    def warm(self) -> None:
        """Load the vocabularies and prices of the models now rather than at the first call of each."""
        for model in self.resolved.models.values():
            count("sample", model.name)
            for backend in (*(arm.backend for arm in model.arms), *model.fallback):
                count("sample", backend.model)
                price(backend.name, Usage(1, 1, 0, 0))

    def enter(self) -> None:
        """An exchange begins on this configuration."""
        self._open += 1

    def leave(self) -> None:
        """An exchange on this configuration has ended."""
        self._open -= 1
        self._close_when_idle()

    def retire(self, then: Callable[[], None]) -> None:
        """No new exchanges will come; call `then` once the open ones have ended."""
        self._retired = then
        self._close_when_idle()

    async def close(self) -> None:
        """End the policy's worker processes."""
        if self._evaluator is not None:
            await self._evaluator.close()

    def concluded(self, effect: Conclude) -> None:
        """A transaction reached its outcome; the record is Envoy's to write."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("concluded outcome=%s reason=%s", effect.outcome.value, effect.reason.value)

    def _close_when_idle(self) -> None:
        if self._retired is not None and self._open == 0:
            then, self._retired = self._retired, None
            then()


def _probe_answer(state_key: bytes, digest: str, nonce: str) -> bytes:
    return answer(state_key, nonce, digest)
