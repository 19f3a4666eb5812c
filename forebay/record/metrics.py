"""Records -> Prometheus. Labels hold names of the config only, or a bounded number of values; the rest is `other`."""

import datetime
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from forebay import contract, semconv
from forebay.config.resolved import Resolved
from forebay.outcomes import Outcome
from forebay.record import catalogue
from forebay.record.catalogue import Metric
from forebay.record.model import AttemptRecord, DecisionRecord, Record, RequestRecord, UnreadableRecord
from forebay.record.pace import Pace
from forebay.record.tail import Step
from forebay.record.tallies import Tallies

OTHER: Final = "other"
NONE: Final = ""  # Prometheus holds an empty label for an absent one
MOST_VALUES: Final = 200  # of a label whose values come from rules and policies, not from the config's names

_GEN_AI: Final = {  # operation of the record -> its name in the conventions, where it is one of theirs
    "chat": semconv.OPERATION_CHAT,
    "responses": semconv.OPERATION_CHAT,
    "messages": semconv.OPERATION_CHAT,
    "embeddings": semconv.OPERATION_EMBEDDINGS,
}


@dataclass(frozen=True, slots=True)
class Names:
    """The names that may become labels."""

    tenants: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    provider_models: frozenset[str] = frozenset()

    @classmethod
    def of(cls, resolved: Resolved) -> "Names":
        """Every name of a config, and those of the gateway's own tenants."""
        backends = [
            backend
            for model in resolved.models.values()
            for backend in (*(arm.backend for arm in model.arms), *model.fallback)
        ]
        return cls(
            frozenset(resolved.tenants) | {contract.LOCAL_TENANT, contract.PROBE_TENANT},
            frozenset(resolved.models),
            frozenset(resolved.providers),
            frozenset(backend.model for backend in backends),
        )


class Bounded:
    """Label values that no config lists: the first MOST_VALUES different ones are kept, later ones are `other`."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value not in self._known:
            if len(self._known) >= MOST_VALUES:
                return OTHER
            self._known.add(value)
        return value


def among(value: str | None, names: frozenset[str]) -> str:
    """`value` if the config names it, `other` if not, the empty label if there is none."""
    if value is None:
        return NONE
    return value if value in names else OTHER


class Metrics:
    """The registry of one recorder. One thread feeds it; any may render. Counters start at 0 with the process."""

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._tallies = Tallies(catalogue.METRICS)
        self.registry = CollectorRegistry()
        self.registry.register(self._tallies)
        self._names = Names()
        self._type, self._code, self._stage = Bounded(), Bounded(), Bounded()

    def configure(self, resolved: Resolved) -> None:
        """From now on label by the names of `resolved`."""
        self._names = Names.of(resolved)
        with self._tallies.lock:
            self._tallies.show(catalogue.CONFIG, (resolved.digest,), 1)

    def config_failed(self) -> None:
        """Count a config that could not be read."""
        with self._tallies.lock:
            self._count(catalogue.CONFIG_FAILURES)

    def failed(self) -> None:
        """Count a failure of the recorder itself."""
        with self._tallies.lock:
            self._count(catalogue.ERRORS)

    def step(self, step: Step, now: float) -> None:
        """Account for one step of the tail, at `now` (seconds since the epoch). Never raises on a record's values.

        Takes as long as the tail's pace wants: to be called where waiting does no harm.
        """
        for item in self._pace.through(step.published, hurried=step.hurried):
            with self._tallies.lock:
                self._observe(item.record, item.attempts)
        with self._tallies.lock:
            for file in step.rotated:
                self._count(catalogue.ROTATIONS, file)
            self._count(catalogue.GAPS, by=step.gaps)
            self._tallies.show(catalogue.BACKLOG, (), step.backlog)
            if step.published or not step.backlog:
                self._tallies.show(catalogue.LAG, (), _lag(step, now))

    def _observe(self, record: Record, attempts: tuple[AttemptRecord, ...]) -> None:
        self._count(catalogue.PUBLISHED, record.kind)
        if isinstance(record, UnreadableRecord):
            self._count(catalogue.UNREADABLE)
        elif isinstance(record, AttemptRecord):
            provider, model = self._backend(record)
            self._count(catalogue.ATTEMPTS, provider, model, _status_class(record.status))
        else:
            self._request(record, attempts)

    def render(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that `accept` asks for (OpenMetrics or Prometheus text), and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _request(self, record: RequestRecord, attempts: tuple[AttemptRecord, ...]) -> None:
        model = among(record.model, self._names.models)
        tenant = among(record.tenant, self._names.tenants)
        self._count(catalogue.REQUESTS, record.outcome.value, record.reason.value, tenant, model)
        if not record.recognised:
            self._count(catalogue.UNCLASSIFIED)
        if len({(attempt.provider, attempt.model) for attempt in attempts}) > 1:
            self._count(catalogue.FALLBACKS, model)
        self._guard(record)
        self._decision(record.decision)
        for stage, microseconds in record.stages_us.items():
            self._measure(catalogue.STAGES, microseconds / 1e6, self._stage(stage))
        operation = _GEN_AI.get(record.operation or NONE)
        if operation is not None:
            self._gen_ai(record, attempts, operation, model)
            self._cost(record, tenant, model)

    def _guard(self, record: RequestRecord) -> None:
        for type_, count in record.redacted.items():
            self._count(catalogue.REDACTIONS, self._type(type_), by=count)
        for finding in record.findings:
            labels = (self._type(finding.kind), self._type(finding.type), self._type(finding.channel or NONE))
            self._count(catalogue.FINDINGS, *labels, by=finding.count)
        if record.risk is not None:
            self._measure(catalogue.RISK, record.risk)

    def _decision(self, decision: DecisionRecord | None) -> None:
        if decision is None:
            return
        for code in decision.codes or (("allow",) if decision.allow else ("deny",)):
            self._count(catalogue.DECISIONS, self._code(code), self._code(decision.mode or NONE))

    def _gen_ai(self, record: RequestRecord, attempts: tuple[AttemptRecord, ...], operation: str, model: str) -> None:
        labels = (operation, among(record.provider, self._names.providers), model)
        completed = record.outcome is Outcome.COMPLETED
        if record.duration_ms is not None:
            error = NONE if completed else record.reason.value
            self._measure(catalogue.REQUEST_DURATION, record.duration_ms / 1e3, *labels, error)
        if completed and record.first_byte_ms is not None:
            self._measure(catalogue.FIRST_TOKEN, record.first_byte_ms / 1e3, *labels)
        if record.usage is not None:
            for type_, tokens in (
                (semconv.TOKEN_INPUT, record.usage.input_tokens),
                (semconv.TOKEN_OUTPUT, record.usage.output_tokens),
            ):
                if tokens is not None:
                    self._measure(catalogue.TOKEN_USAGE, tokens, *labels, type_)
        for attempt in attempts:
            if attempt.duration_ms is not None:
                provider = among(attempt.provider, self._names.providers)
                attempted = (operation, provider, model, _attempt_error(attempt.status))
                self._measure(catalogue.OPERATION_DURATION, attempt.duration_ms / 1e3, *attempted)

    def _cost(self, record: RequestRecord, tenant: str, model: str) -> None:
        if record.cost is None:
            return
        if record.cost.usd is None:
            self._count(catalogue.UNPRICED, model)
        else:
            self._count(catalogue.COST, tenant, model, by=record.cost.usd)

    def _backend(self, attempt: AttemptRecord) -> tuple[str, str]:
        return (
            among(attempt.provider, self._names.providers),
            among(attempt.model, self._names.provider_models),
        )

    def _count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        self._tallies.count(metric, labels, by)

    def _measure(self, metric: Metric, value: float, *labels: str) -> None:
        self._tallies.measure(metric, labels, value)


def _status_class(status: int | None) -> str:
    return f"{status // 100}xx" if status and status < 600 else "none"


def _attempt_error(status: int | None) -> str:
    if not status or status >= 600:
        return "none"
    return str(status) if status >= 400 else NONE


def _lag(step: Step, now: float) -> float:
    """Seconds since the last published request ended, while there is more to publish."""
    ended = _ended(step.published[-1].record) if step.backlog and step.published else None
    return max(0.0, now - ended) if ended is not None else 0.0


def _ended(record: Record) -> float | None:
    """When a request ended, in seconds since the epoch."""
    if isinstance(record, UnreadableRecord) or record.time is None:
        return None
    try:
        began = datetime.datetime.fromisoformat(record.time).timestamp()
    except ValueError:  # the thirtieth of February: shaped like a time, but none
        return None
    return began + (record.duration_ms or 0) / 1e3 if isinstance(record, RequestRecord) else began
