"""Two made-up calls that new policies are tried on: one with everything that can be in a document, one with little."""

from extproc.findings import Addend, Finding, Risk
from extproc.policy.document import (
    Candidate,
    MessageFacts,
    ModelFacts,
    ParamFacts,
    PolicyFacts,
    PrincipalFacts,
    RequestFacts,
    UsageEstimate,
)

FULL = PolicyFacts(
    request=RequestFacts("0f6a", "openai.chat", "chat", "/v1/chat/completions", stream=True, body_bytes=4_312),
    time_ns=1_763_722_442_000_000_000,  # Friday, 21 November 2025, 10:54:02
    principal=PrincipalFacts("jwt", "user-1", ("analyst", "intern")),
    tenant="acme",
    model=ModelFacts("fast", (Candidate("openai", "gpt-4o-mini", 10_000), Candidate("local", "llama-3.3", 0))),
    params=ParamFacts(max_tokens=1_000, temperature=0.2, n=1, response_format="json_schema"),
    findings=(
        Finding("pii", "EMAIL_ADDRESS", "user", 2, 99),
        Finding("pii", "IBAN_CODE", "tool", 1, 100),
        Finding("secret", "aws-access-key", "user", 1, 100),
        Finding("injection", "ignore-previous", "document", 1, 60),
    ),
    injection=60,
    config_revision="0123456789abcdef",
    policy_revision="fedcba9876543210",
    usage_estimate=UsageEstimate(900, 1_000),
    messages=MessageFacts(4, {"system": 1, "user": 3}, 4_000, 1),
    tools=("search", "shell"),
    tool_choice="auto",
    tool_calls=("search",),
    risk=Risk(70, (Addend("injection", 40), Addend("pii.IBAN_CODE", 30))),
)

BARE = PolicyFacts(
    request=RequestFacts("0f6b", "openai.embeddings", "embeddings", "/v1/embeddings", stream=False, body_bytes=40),
    time_ns=1_763_853_000_000_000_000,  # a Saturday
    principal=PrincipalFacts("key", None, ()),
    tenant="acme",
    model=ModelFacts("embed", (Candidate("openai", "text-embedding-3-small", 10_000),)),
    params=ParamFacts(None, None, None, None),
    findings=(),
    injection=0,
    config_revision="0123456789abcdef",
    policy_revision="fedcba9876543210",
)
