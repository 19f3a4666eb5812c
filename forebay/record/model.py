"""The published record, version 1: closed fields, and nothing in them that a caller wrote.

`request`, `attempt` and `unreadable` are the three kinds of line in `records.jsonl`. Every field is always there;
null means "not known" or "did not happen".

Callers influence the request line, the headers and, through a JWT, the identity. So texts are names only: a value
outside the names' character set is published as UNSAFE, never as it is, and one that is no text at all as null.

What every call makes is not frozen: that would quadruple what it costs to make it. Nobody changes one.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from forebay.outcomes import Outcome, Reason

VERSION: Final = 1
UNSAFE: Final = "unsafe"
NAME_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9._:/+~-]{0,127}$"
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
PROTOCOLS: Final = ("HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3")
OPERATIONS: Final = ("chat", "responses", "messages", "embeddings", "models", "probe")
MOST_ITEMS: Final = 64  # of any list or map in a record
LARGEST: Final = 2**53  # what every JSON reader holds exactly

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Score = Annotated[int, Field(ge=0, le=100)]
Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "other"]
Protocol = Literal["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3", "other"]
Operation = Literal["chat", "responses", "messages", "embeddings", "models", "probe", "other"]


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """One thing the guard found."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Annotated[
        Name, Field(description="injection, pii or secret; of an answer pii, secret, leakage, exfiltration or held")
    ]
    type: Annotated[
        Name,
        Field(
            description="EMAIL_ADDRESS and the like; a rule's id for secrets and injections; system-prompt; image, link"
        ),
    ]
    channel: Annotated[
        Name | None, Field(description="who speaks there: system, user, assistant, tool, document; output: the answer")
    ]
    count: Annotated[Count, Field(description="how many of them")]
    score: Annotated[Score, Field(description="confidence, 0-100")]


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What the policies decided."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    allow: Annotated[bool | None, Field(description="false denies (and is enforced if `mode` is enforce)")]
    mode: Annotated[Name | None, Field(description="enforce, shadow or off")]
    codes: Annotated[tuple[Name, ...], Field(description="codes of the denials")]
    warnings: Annotated[tuple[Name, ...], Field(description="codes of the warnings")]
    labels: Annotated[dict[Name, Name], Field(description="labels the rules set")]
    obligations: Annotated[tuple[Name, ...], Field(description="obligations the rules demand")]


@dataclass(slots=True)
class UsageRecord:
    """Tokens of the call."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    input_tokens: Annotated[Count | None, Field(description="cached ones included")]
    output_tokens: Annotated[Count | None, Field(description="reasoning ones included")]
    cached_tokens: Annotated[Count | None, Field(description="of the input tokens, those read from a cache")]
    reasoning_tokens: Annotated[Count | None, Field(description="of the output tokens, those spent on reasoning")]
    cache_write_tokens: Annotated[Count | None, Field(description="of the input tokens, those written to a cache")]
    source: Annotated[Name | None, Field(description="provider (its own numbers) or estimated")]


@dataclass(slots=True)
class CostRecord:
    """What the call cost."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    usd: Annotated[float | None, Field(ge=0, description="US dollars; null if the model has no known price")]
    source: Annotated[Name | None, Field(description="genai-prices or unpriced")]


@dataclass(slots=True)
class RequestRecord:
    """One request, from its first byte to its end, whoever answered it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    version: Annotated[Literal[1], Field(description="of this schema")]
    kind: Annotated[Literal["request"], Field(description="tells the three kinds of line apart")]
    id: Annotated[Name | None, Field(description="x-request-id, as the caller got it; null if no request was parsed")]
    time: Annotated[Name | None, Field(description="when the request began, UTC, RFC 3339")]
    outcome: Annotated[Outcome, Field(description="how it ended")]
    reason: Annotated[Reason, Field(description="why it ended so; the `code` of the error the caller got")]
    recognised: Annotated[bool, Field(description="false: the ending is in no table, `reason` is a guess (internal)")]
    status: Annotated[Count | None, Field(description="HTTP status the caller got; 0 if it went before one was sent")]
    details: Annotated[Name | None, Field(description="Envoy's or our processor's word for the ending")]
    flags: Annotated[tuple[Name, ...], Field(description="Envoy's response flags")]
    tenant: Annotated[
        Name | None, Field(description="who is billed; null if nobody was authenticated, or as no tenant of the config")
    ]
    client: Annotated[
        Name | None, Field(description="a key: `tenant/fingerprint`, else `jwt` or `open`; never a key or a claim")
    ]
    user_hash: Annotated[Name | None, Field(description="salted hash of the request's `user`")]
    address: Annotated[Name | None, Field(description="the client's address, masked")]
    method: Annotated[Method | None, Field(description="HTTP method")]
    protocol: Annotated[Protocol | None, Field(description="HTTP version")]
    tls: Annotated[Name | None, Field(description="TLS version; null on the plain listener")]
    operation: Annotated[Operation | None, Field(description="what was asked for")]
    model: Annotated[Name | None, Field(description="the model's public name, if it is one of the config's")]
    stream: Annotated[bool | None, Field(description="whether the answer was asked for as a stream")]
    route: Annotated[Name | None, Field(description="route that served it")]
    bucket: Annotated[Count | None, Field(description="canary bucket, 0-9999")]
    backend: Annotated[Name | None, Field(description="provider/model demanded by a policy, else null")]
    provider: Annotated[Name | None, Field(description="provider of the last attempt")]
    provider_model: Annotated[Name | None, Field(description="the model's name at that provider")]
    attempts: Annotated[Count | None, Field(description="how many attempts were made upstream")]
    duration_ms: Annotated[Count | None, Field(description="first byte in to last byte out")]
    first_byte_ms: Annotated[Count | None, Field(description="until the answer's first byte")]
    request_ms: Annotated[Count | None, Field(description="until the request was received whole")]
    bytes_in: Annotated[Count | None, Field(description="request body")]
    bytes_out: Annotated[Count | None, Field(description="response body")]
    risk: Annotated[Score | None, Field(description="risk score, 0-100")]
    addends: Annotated[dict[Name, Count], Field(description="what the risk score is made of: points by id")]
    findings: Annotated[
        tuple[FindingRecord, ...], Field(description="what the guards found, in the request and in the answer")
    ]
    redacted: Annotated[dict[Name, Count], Field(description="values replaced on the way in, by type")]
    restored: Annotated[Count | None, Field(description="values put back on the way out")]
    decision: Annotated[DecisionRecord | None, Field(description="what the policies decided; null if none were asked")]
    usage: Annotated[UsageRecord | None, Field(description="tokens; null if no answer was counted")]
    estimated_input_tokens: Annotated[Count | None, Field(description="our own count of the prompt, before sending")]
    cost: Annotated[CostRecord | None, Field(description="cost; null if no answer was counted")]
    stages_us: Annotated[dict[Name, Count], Field(description="microseconds in each stage of the processor")]
    processor: Annotated[dict[Name, Count], Field(description="Envoy's own numbers about its calls of the processor")]
    config: Annotated[Name | None, Field(description="digest of the config that governed the request")]
    policy: Annotated[Name | None, Field(description="revision of the policies that decided")]


@dataclass(slots=True)
class AttemptRecord:
    """One attempt at one provider; a request with fallbacks has several, in order, with its `id`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    version: Annotated[Literal[1], Field(description="of this schema")]
    kind: Annotated[Literal["attempt"], Field(description="tells the three kinds of line apart")]
    id: Annotated[Name | None, Field(description="`id` of the request")]
    time: Annotated[Name | None, Field(description="when the request began, UTC, RFC 3339")]
    provider: Annotated[Name | None, Field(description="provider that was tried; null if none could be picked")]
    model: Annotated[Name | None, Field(description="the model's name there")]
    status: Annotated[Count | None, Field(description="the provider's HTTP status; 0 or null if it sent none")]
    flags: Annotated[tuple[Name, ...], Field(description="Envoy's response flags")]
    duration_ms: Annotated[Count | None, Field(description="of the attempt")]
    bytes_in: Annotated[Count | None, Field(description="received by Envoy for this attempt")]
    bytes_out: Annotated[Count | None, Field(description="sent by Envoy for this attempt")]


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A line of Envoy's file that is no record: named by place, so that nothing of it is repeated."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    version: Annotated[Literal[1], Field(description="of this schema")]
    kind: Annotated[Literal["unreadable"], Field(description="tells the three kinds of line apart")]
    offset: Annotated[Count, Field(description="where the line began in Envoy's file")]
    length: Annotated[Count, Field(description="its length in bytes")]


Record = RequestRecord | AttemptRecord | UnreadableRecord
