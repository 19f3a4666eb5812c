"""Playbooks: a transaction's story as `>> event << effect`, and builders for the events in it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from extproc.detectors.scan import Detectors
from extproc.inspection import Inspection, inspect
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from extproc.transaction.context import Context
from extproc.transaction.machine import Transaction
from forebay import contract
from forebay.config import resolved as r

STATE_KEY = b"k" * 32
GUARDS = r.Guards("standard", r.InjectionGuard("block", 70), "redact", (), "redact", 5.0, "closed")
DETECTORS = Detectors()


@dataclass(frozen=True)
class FixedPrice:
    """A price that is always the same."""

    usd: object = Decimal("0.001")
    source: str = "genai-prices"


def model(name: str, *backends: str, sticky: Any = "user", api: Any = "openai") -> r.Model:
    """A model whose arms share the weight evenly."""
    arms = tuple(r.Arm(r.Backend(*b.split("/", 1)), contract.BUCKETS // len(backends)) for b in backends)
    return r.Model(name, arms, (), r.Timeout(10, 10, 60), r.Retries(("connect",), 0), sticky, api)


def context(**changes: Any) -> Context:
    """A configuration with one tenant `acme`; of its models `secret-model` is not for that tenant."""
    fields: dict[str, Any] = {
        "digest": "0123456789abcdef",
        "tenants": {"acme": r.Tenant("acme", (), ("chat", "half", "claude"), None, GUARDS)},
        "models": {
            "chat": model("chat", "one/gpt-4o-mini"),
            "half": model("half", "one/gpt-4o", "two/gpt-4o"),
            "claude": model("claude", "three/claude-sonnet-4-5", api="anthropic"),
            "secret-model": model("secret-model", "one/o1"),
        },
        "caps": r.Caps(2048, 256, 16, 200_000, 2048, 64),
        "body_limit": 20 << 20,
        "policies": r.Policies((), "deny", "enforce", 1.0),
        "policy_revision": "",
        "jwt": None,
        "anonymous": False,
        "probe_answer": lambda nonce: b'{"probe":"' + nonce.encode() + b'"}',
        "price": lambda model, usage: FixedPrice(),
        "count_tokens": lambda text, model: len(text) // 4,
    }
    return Context(**{**fields, **changes})


POLICY = {"policies": r.Policies((Path("rules.rego"),), "deny", "enforce", 1.0)}


def head(
    method: str = "POST", path: str = contract.CHAT, *, end: bool = False, **headers: str
) -> e.RequestHeadersReceived:
    """The head of an admitted request of tenant acme. An empty value leaves its header out."""
    fields = {
        ":method": method,
        ":path": path,
        "content-type": "application/json",
        "x-request-id": "5b0d",
        contract.TENANT: "acme",
        contract.CLIENT: "acme/k1",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    pairs = tuple((name, value) for name, value in fields.items() if value)
    return e.RequestHeadersReceived(e.Headers(pairs), MappingProxyType({}), end, 1_000, 1_700_000_000_000_000_000)


def body(raw: bytes = b'{"model":"chat","messages":[{"role":"user","content":"hello"}]}') -> e.RequestBodyReceived:
    """The request's body."""
    return e.RequestBodyReceived(raw, 2_000)


def inspected(raw: bytes, guards: r.Guards = GUARDS, operation: str = "chat") -> e.BodyInspected:
    """What the real inspection says about `raw`."""
    return e.BodyInspected(inspection(raw, guards, operation), 3_000)


def inspection(raw: bytes, guards: r.Guards = GUARDS, operation: str = "chat") -> Inspection:
    """The real inspection of `raw`, with a clock that stands still."""
    return inspect(operation, raw, "acme", guards, context().caps, DETECTORS, STATE_KEY, lambda: 0)


def answer(
    status: str = "200",
    content_type: str = "application/json",
    *,
    end: bool = False,
    length: int | None = None,
    provider: bool = False,
) -> e.ResponseHeadersReceived:
    """The answer's head; `provider`: an error that the egress gate has marked as a provider's own."""
    served = ((contract.RESPONSE_PROVIDER, "two"), (contract.RESPONSE_MODEL, "gpt-4o"))
    stated = () if length is None else (("content-length", str(length)),)
    marked = ((contract.FROM_PROVIDER, "1"),) if provider else ()
    return e.ResponseHeadersReceived(
        e.Headers(((":status", status), ("content-type", content_type), *served, *stated, *marked)), end, 4_000
    )


def chunk(raw: bytes, *, end: bool = False) -> e.ResponseBodyReceived:
    """A piece of the answer."""
    return e.ResponseBodyReceived(raw, end, 5_000)


TRAILERS = e.ResponseTrailersReceived(6_000)
CLOSED = e.StreamClosed(7_000)


class That:
    """An effect of a type, of which some fields are named."""

    def __init__(self, kind: type, **fields: Any) -> None:
        self.kind, self.fields = kind, fields

    def __eq__(self, other: object) -> bool:
        return type(other) is self.kind and all(
            want(getattr(other, name)) if callable(want) else getattr(other, name) == want
            for name, want in self.fields.items()
        )

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({', '.join(f'{k}={v!r}' for k, v in self.fields.items())})"


class Playbook:
    """`Playbook(context()) >> event << effect << effect >> event ...`; every effect must be named, in order."""

    def __init__(self, given: Context) -> None:
        self.transaction = Transaction(given)
        self._outstanding: list[fx.Effect] = []
        self._told: list[str] = []

    def __rshift__(self, event: e.Event) -> Playbook:
        self._nothing_left()
        self._told.append(f">> {type(event).__name__}")
        self._outstanding = self.transaction.handle(event)
        return self

    def __lshift__(self, expected: Any) -> Playbook:
        story = "\n".join(self._told)
        assert self._outstanding, f"{story}\nexpected {expected!r}, but nothing more happened"
        effect = self._outstanding.pop(0)
        matches = type(effect) is expected if isinstance(expected, type) else expected == effect
        assert matches, f"{story}\nexpected {expected!r}\nsaw      {effect!r}"
        self._told.append(f"<< {type(effect).__name__}")
        return self

    def _nothing_left(self) -> None:
        assert not self._outstanding, "\n".join(self._told) + f"\nunexpected: {self._outstanding!r}"

    def __bool__(self) -> bool:
        self._nothing_left()
        return True
