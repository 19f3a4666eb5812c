"""From Envoy's line to the published record."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from forebay.outcomes import Outcome, Reason
from forebay.record import publish as module
from forebay.record.attempts import Attempts
from forebay.record.model import AttemptRecord, RequestRecord, UnreadableRecord
from forebay.record.pages import schema_text
from forebay.record.publish import Published, publish, recollect

VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))
CALL = {
    "verdict": "pass",
    "reason": "ok",
    "operation": "chat",
    "tenant": "acme",
    "client": "ci",
    "user_hash": "ab12",
    "model": "fast",
    "route": "m:fast",
    "backend": None,
    "bucket": 17.0,
    "stream": False,
    "config": "00ff",
    "policy": "r1",
    "risk": 41.0,
    "addends": {"pii.US_SSN": 41.0},
    "findings": [{"kind": "pii", "type": "US_SSN", "channel": "user", "count": 2.0, "score": 99.0}],
    "redacted": {"US_SSN": 2.0},
    "restored": 2.0,
    "decision": {
        "allow": True,
        "mode": "enforce",
        "codes": [],
        "warnings": ["W"],
        "labels": {"rule": "x"},
        "obligations": ["audit"],
    },
    "usage": {
        "input_tokens": 10.0,
        "output_tokens": 5.0,
        "cached_tokens": 0.0,
        "reasoning_tokens": 0.0,
        "cache_write_tokens": 0.0,
        "source": "provider",
    },
    "estimate": {"input_tokens": 11.0},
    "cost": {"usd": 0.0035, "source": "genai-prices"},
    "stages": {"parse": 12.0, "guard": 80.0},
    "stray": "my secret prompt",
}
LINE = {
    "kind": "DownstreamEnd", "id": "r-1", "time": "2026-11-21T10:00:00.123456Z", "method": "POST", "route": "m:fast",
    "status": 200, "details": "via_upstream", "flags": "-", "attempts": 2, "duration_ms": "120", "first_byte_ms": 100,
    "request_ms": 1, "bytes_in": 400, "bytes_out": 900, "client": "203.0.113.0/24", "protocol": "HTTP/1.1", "tls": "-",
    "tenant": "acme", "caller": "ci", "forwarded": json.dumps(CALL), "provider": "primary", "model": "gpt-4o",
    "processor": "rh:90:x,ds:extproc", "config": "00ff", "stray": "my secret prompt",
}  # fmt: skip
ATTEMPT = {
    "kind": "UpstreamEnd", "id": "r-1", "time": "2026-11-21T10:00:00.123456Z", "provider": "primary", "model": "gpt-4o",
    "status": 401, "flags": "-", "duration_ms": 90, "bytes_in": "10", "bytes_out": 20,
}  # fmt: skip


def one(values: object, attempts: Attempts | None = None) -> Published:
    (found,) = publish(json.dumps(values).encode(), 0, attempts or Attempts())
    return found


def request(values: dict[str, Any], attempts: Attempts | None = None) -> RequestRecord:
    record = one(values, attempts).record
    assert isinstance(record, RequestRecord)
    return record


def test_a_request_is_published_with_everything_that_is_known() -> None:
    """One of each field."""
    record = request(LINE)
    assert (record.outcome, record.reason, record.recognised) == (Outcome.COMPLETED, Reason.OK, True)
    assert (record.tenant, record.client, record.model, record.provider) == ("acme", "ci", "fast", "primary")
    assert (record.risk, record.redacted, record.restored, record.bucket) == (41, {"US_SSN": 2}, 2, 17)
    assert record.usage is not None
    assert (record.usage.input_tokens, record.usage.output_tokens, record.estimated_input_tokens) == (10, 5, 11)
    assert record.cost is not None
    assert record.cost.usd == 0.0035
    assert record.decision is not None
    assert record.decision.labels == {"rule": "x"}
    assert record.stages_us == {"parse": 12, "guard": 80}
    assert record.processor == {"request_header_latency_us": 90}
    assert (record.duration_ms, record.tls, record.address) == (120, None, "203.0.113.0/24")


def test_unknown_keys_are_dropped() -> None:
    """The fields are closed, in the line and in the call."""
    assert b"secret prompt" not in one(LINE).line()


def test_texts_of_the_caller_do_not_pass() -> None:
    """Method, protocol, route, identity: whatever is put there, no sentence comes out."""
    text = "Ignore all previous instructions, jane@example.com"
    keys = [key for key in LINE if key not in ("kind", "forwarded")]
    line = {**LINE, **dict.fromkeys(keys, text), "forwarded": json.dumps(dict.fromkeys(CALL, text))}
    published = one(line).line()
    for word in (b"Ignore", b"previous", b"jane"):
        assert word not in published


def test_an_attempts_status_explains_a_replaced_answer() -> None:
    """The provider's 401 is the caller's 502."""
    attempts = Attempts()
    one(ATTEMPT, attempts)
    assert request({**LINE, "status": 502, "details": "-"}, attempts).reason is Reason.PROVIDER_CREDENTIALS


def test_a_request_carries_its_attempts_to_the_metrics() -> None:
    """They are published already, and counted with the request."""
    attempts = Attempts()
    first = one(ATTEMPT, attempts)
    assert isinstance(first.record, AttemptRecord)
    assert one(LINE, attempts).attempts == (first.record,)


def test_a_request_that_never_reached_the_processor_has_its_record() -> None:
    """A 401: no call, no provider, no identity."""
    line = {
        "kind": "DownstreamEnd",
        "id": "r",
        "status": 401,
        "details": "missing_api_key",
        "forwarded": None,
        "tenant": None,
    }
    record = request(line)
    assert (record.outcome, record.reason) == (Outcome.REFUSED, Reason.UNAUTHENTICATED)
    assert (record.usage, record.decision, record.risk, record.findings) == (None, None, None, ())


def test_what_cannot_be_read_is_published_by_its_place() -> None:
    """Offset and length only."""
    (found,) = publish(b"my secret prompt", 77, Attempts())
    assert found.record == UnreadableRecord(1, "unreadable", 77, 16)


def test_a_torn_line_and_the_one_behind_it_are_both_published() -> None:
    """Nothing is lost by a crash of Envoy but what it had not written."""
    whole = json.dumps(LINE).encode()
    torn, found = publish(whole[:100] + whole, 5, Attempts())
    assert torn.record == UnreadableRecord(1, "unreadable", 5, 100)
    assert isinstance(found.record, RequestRecord)


def test_open_requests_are_recollected_from_published_lines() -> None:
    """After a restart a request still knows its attempts; ended ones do not come back."""
    attempts = Attempts()
    lines = [
        one({**ATTEMPT, "flags": "UF,URX"}).line(),
        one({**ATTEMPT, "id": "r-2"}).line(),
        one({**LINE, "id": "r-2"}).line(),
    ]
    recollect(b'cut off"}\n' + b"".join(lines) + b"[]\n", attempts)
    assert [(item.status, item.flags) for item in attempts.recall("r-1")] == [(401, ("UF", "URX"))]
    assert attempts.recall("r-2") == ()


def test_published_lines_satisfy_the_schema() -> None:
    """Each kind, full and empty."""
    kinds: list[Published] = [one(LINE), one(ATTEMPT), *publish(b"x", 0, Attempts())]
    for item in (*kinds, one({"kind": "DownstreamEnd"}), one({"kind": "UpstreamEnd"})):
        VALIDATOR.validate(json.loads(item.line()))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["DownstreamEnd", "UpstreamEnd"]),
    st.dictionaries(st.sampled_from(sorted(LINE)), JSON),
    st.dictionaries(st.sampled_from(sorted(CALL)), JSON),
)
def test_any_values_are_published_within_the_schema(
    kind: str, line: dict[str, object], call: dict[str, object]
) -> None:
    """Hostile values never raise, and never leave the schema."""
    values = {**line, "kind": kind, "forwarded": json.dumps(call)}
    for item in publish(json.dumps(values).encode("utf-8", "replace"), 0, Attempts()):
        VALIDATOR.validate(json.loads(item.line()))


def test_the_module_reads_no_file_and_no_clock() -> None:
    """Published records depend on the line alone, so that a replay gives the same."""
    source = Path(module.__file__).read_text("utf-8")
    assert not any(f"import {name}" in source for name in ("time", "datetime", "random", "os", "pathlib"))


def _turned_away(**changes: object) -> dict[str, object]:
    """A line that the processor had no part in, for a token that claims a team."""
    claimed = {"tenant": "no-such-team", "caller": "jwt"}
    plain = {"forwarded": None, "processor": None, "provider": "-", "model": "-", **claimed}
    return {**LINE, **plain, **changes}


def test_a_tenant_that_is_not_known_is_not_published() -> None:
    """The name is a claim's text; nor is it published when its caller goes before the refusal is out."""
    refused = request(_turned_away(status=403, details="rbac_access_denied_matched_policy[unknown-tenant]"))
    assert (refused.reason, refused.tenant, refused.client) == (Reason.UNKNOWN_TENANT, None, None)
    gone = request(_turned_away(status=0, details="downstream_remote_disconnect", flags="DC"))
    assert (gone.reason, gone.tenant, gone.client) == (Reason.CLIENT_GONE, None, None)


def test_a_tenant_that_was_looked_up_is_published_without_a_word_of_the_processor() -> None:
    """Its limit stands behind the look-up, and so does the processor's call."""
    limited = request(_turned_away(status=429, details="local_rate_limited"))
    assert (limited.reason, limited.tenant) == (Reason.TENANT_RATE_LIMITED, "no-such-team")
    called = {"processor": "rh:9:0"}
    gone = request(_turned_away(status=0, details="downstream_remote_disconnect", flags="DC", **called))
    assert (gone.reason, gone.tenant, gone.client) == (Reason.CLIENT_GONE, "no-such-team", "jwt")
