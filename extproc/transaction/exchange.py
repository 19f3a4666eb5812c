"""The one record that walks through a transaction and becomes the `call` of the request's record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from extproc.detectors.leakage import NOTHING, Prints
from extproc.findings import AnswerFinding, Risk
from extproc.inspection import Inspection
from extproc.messages.answer import AnswerWatch
from extproc.policy.verdict import PolicyVerdict
from extproc.streams.guarding import Guarding
from extproc.streams.restoring import Restoring
from extproc.streams.stream import Stream
from extproc.transaction.events import RequestHeadersReceived
from forebay import contract
from forebay.config.resolved import Guards, Model, Tenant
from forebay.contract import Api

GUARDED = frozenset({"chat", "messages", "responses"})  # operations whose answers say something


@dataclass(slots=True, repr=False)
class Rewrite:
    """An answer that is rewritten while it passes."""

    stream: Stream
    restoring: Restoring
    guarding: Guarding | None
    accounted_at: int | None = None  # when the metadata last said what has passed
    ends: Literal["", "piece", "trailers"] = ""  # with what the provider has ended the answer


@dataclass(slots=True, repr=False)
class Exchange:
    """What is known so far. Fields are filled in the order they stand here and never taken back."""

    head: RequestHeadersReceived | None = None
    api: Api = "openai"  # whose errors the caller understands
    operation: str | None = None
    tenant: Tenant | None = None
    client: str = ""
    user: str = ""
    body: bytes = b""
    body_at: int = 0
    guard_took: int = -1  # microseconds, the wait for it included; -1 until it is known
    guard_failed_open: bool = False
    inspection: Inspection | None = None
    model: Model | None = None
    risk: Risk | None = None
    policy_asked_at: int = 0
    verdict: PolicyVerdict | None = None
    policy_error: str | None = None
    route: str = ""
    backend: str = ""  # set when a policy pinned one
    bucket: int = 0
    values: Mapping[str, str] = field(default_factory=dict)
    redacted: Mapping[str, int] = field(default_factory=dict)
    usage_hidden: bool = False  # the gateway asked the stream for its usage, the caller did not
    restored: int = 0
    answer_findings: tuple[AnswerFinding, ...] = ()
    answer_blocked: bool = False
    answered_with_error: bool = False
    served: str = ""  # the backend that answered, as Envoy names it on the answer
    watch: AnswerWatch | None = None
    rewrite: Rewrite | None = None
    answer_whole: bytes = b""
    trailers_follow: bool = False
    stages: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> int:
        """Bytes of bodies that are here and nowhere else."""
        unread = self.rewrite.stream.unread if self.rewrite else 0
        return len(self.body) + len(self.answer_whole) + unread

    @property
    def tenant_name(self) -> str:
        """The tenant's name, empty before it is known."""
        return self.tenant.name if self.tenant else ""

    @property
    def output_guards(self) -> Guards | None:
        """The guards that read the answer; None when none does: an embedding says nothing."""
        guarded = self.operation in GUARDED and self.tenant is not None and self.tenant.guards.output.on
        return self.tenant.guards if guarded and self.tenant else None

    @property
    def prints(self) -> Prints:
        """Of the call's system prompt."""
        return self.inspection.prints if self.inspection else NOTHING

    @property
    def read_tokens(self) -> int:
        """Our own count of the prompt; 0 before it is known."""
        return self.inspection.input_tokens if self.inspection else 0

    @property
    def request_id(self) -> str:
        """Envoy's request id, empty before the head came."""
        return (self.head.headers.get(contract.REQUEST_ID) if self.head else None) or ""
