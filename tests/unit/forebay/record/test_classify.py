"""How endings are told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.outcomes import WORDINGS, Outcome, Reason
from forebay.record import classify
from forebay.record.classify import Ending, Seen, seen
from forebay.record.line import Line

# (what Envoy says, the reason); `passed` calls went upstream, `known` callers have a tenant
KNOWN = {"tenant": "acme"}
PASSED = {**KNOWN, "verdict": "pass", "reason": "ok"}
SERVED = {**PASSED, "provider": "primary", "details": "via_upstream"}
CASES = [
    (Seen(status=401, details="missing_api_key"), Reason.UNAUTHENTICATED),
    (Seen(status=401, details="unknown_api_key"), Reason.UNAUTHENTICATED),
    (Seen(status=403, details="client_not_allowed"), Reason.FORBIDDEN),
    (Seen(status=401, details="jwt_authn_access_denied{Jwt_is_expired}"), Reason.UNAUTHENTICATED),
    (Seen(status=403, details="jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}"), Reason.FORBIDDEN),
    (Seen(status=503, details="jwt_authn_access_denied{Jwks_remote_fetch_is_failed}"), Reason.INTERNAL),
    (Seen(status=403, details="rbac_access_denied_matched_policy[none]"), Reason.UNKNOWN_TENANT),
    (Seen(status=403, details="rbac_access_denied_matched_policy[unknown-tenant]", tenant="x"), Reason.UNKNOWN_TENANT),
    (Seen(status=403, details="rbac_access_denied_matched_policy[none]", tenant="acme"), Reason.UNGUARDED),
    (Seen(status=429, details="local_rate_limited", flags=("RL",)), Reason.CLIENT_RATE_LIMITED),
    (Seen(status=429, details="local_rate_limited", flags=("RL",), tenant="acme"), Reason.TENANT_RATE_LIMITED),
    (Seen(status=404, details="route_not_found", flags=("NR",)), Reason.UNKNOWN_PATH),
    (Seen(status=404, details="direct_response"), Reason.UNKNOWN_PATH),
    (Seen(status=400, details="direct_response"), Reason.BAD_REQUEST),
    (Seen(status=404, details="route_not_found", flags=("NR",), **PASSED), Reason.ROUTE_UNKNOWN),
    (Seen(status=413, details="request_payload_too_large", **KNOWN), Reason.BODY_TOO_LARGE),
    (Seen(status=403, details="upgrade_failed"), Reason.UPGRADE_REFUSED),
    (Seen(status=400, details="path_normalization_failed"), Reason.BAD_REQUEST),
    (Seen(status=400, details="missing_host_header"), Reason.BAD_REQUEST),
    (Seen(status=400, details="http1.codec_error", flags=("DPE",)), Reason.BAD_REQUEST),
    (Seen(status=431, details="http1.headers_too_large"), Reason.BAD_REQUEST),
    (Seen(status=400, details="http2.invalid.header.field"), Reason.BAD_REQUEST),
    (Seen(details="http2.remote_reset"), Reason.CLIENT_GONE),
    (Seen(status=408, details="request_overall_timeout"), Reason.BAD_REQUEST),
    (Seen(status=408, details="stream_idle_timeout", flags=("SI",)), Reason.BAD_REQUEST),
    (Seen(status=504, details="ext_proc_error_per-message_timeout_exceeded", **KNOWN), Reason.PROCESSOR_TIMEOUT),
    (Seen(status=503, details="ext_proc_error_gRPC_error_14{no_socket}", **KNOWN), Reason.PROCESSOR_UNAVAILABLE),
    (Seen(status=500, details="ext_proc_error", **KNOWN), Reason.PROCESSOR_UNAVAILABLE),
    (Seen(status=503, details="overload", flags=("OM",)), Reason.OVERLOADED),
    (Seen(status=401, details="failed_to_inject_credential", **PASSED), Reason.PROVIDER_CREDENTIALS),
    (Seen(status=500, details="lua_response", **PASSED), Reason.INTERNAL),
    (Seen(status=200, details="upstream_reset_after_response_started{remote_reset}", **PASSED), Reason.PROVIDER_RESET),
    (
        Seen(status=503, details="upstream_reset_before_response_started{remote_connection_failure|x}", **PASSED),
        Reason.PROVIDER_UNREACHABLE,
    ),
    (
        Seen(status=503, details="upstream_reset_before_response_started{connection_timeout}", **PASSED),
        Reason.PROVIDER_UNREACHABLE,
    ),
    (
        Seen(status=503, details="upstream_reset_before_response_started{connection_termination}", **PASSED),
        Reason.PROVIDER_RESET,
    ),
    (Seen(status=503, details="upstream_reset_before_response_started{overflow}", **PASSED), Reason.OVERLOADED),
    (
        Seen(status=502, details="upstream_reset_before_response_started{protocol_error}", **PASSED),
        Reason.PROVIDER_RESET,
    ),
    (Seen(status=503, details="no_healthy_upstream", flags=("UH",), **PASSED), Reason.PROVIDER_UNREACHABLE),
    (Seen(status=504, details="response_timeout", flags=("UT",), **PASSED), Reason.PROVIDER_TIMEOUT),
    (Seen(status=504, details="upstream_per_try_timeout", flags=("UT",), **PASSED), Reason.PROVIDER_TIMEOUT),
    (Seen(status=504, details="max_duration_timeout", flags=("DT",), **PASSED), Reason.PROVIDER_TIMEOUT),
    (Seen(status=200, details="stream_idle_timeout", flags=("SI",), **PASSED), Reason.PROVIDER_TIMEOUT),
    (Seen(status=500, details="response_payload_too_large", **PASSED), Reason.ANSWER_UNREADABLE),
    (Seen(status=200, details="downstream_remote_disconnect", flags=("DC",), **PASSED), Reason.CLIENT_GONE),
    (Seen(status=0, flags=("DC",)), Reason.CLIENT_GONE),
    (Seen(status=200, **SERVED), Reason.OK),
    (Seen(status=400, **SERVED), Reason.PROVIDER_REFUSED),
    (Seen(status=404, **SERVED), Reason.PROVIDER_REFUSED),
    (Seen(status=401, **SERVED), Reason.PROVIDER_CREDENTIALS),
    (Seen(status=429, **SERVED), Reason.PROVIDER_RATE_LIMITED),
    (Seen(status=503, **SERVED), Reason.PROVIDER_ERROR),
    (Seen(status=504, **SERVED), Reason.PROVIDER_TIMEOUT),
    # the filter that replaces a provider's error body leaves no details; the attempt's line has the provider's status
    (Seen(status=502, provider_status=401, **{**SERVED, "details": ""}), Reason.PROVIDER_CREDENTIALS),
    (Seen(status=502, provider_status=407, **{**SERVED, "details": ""}), Reason.PROVIDER_CREDENTIALS),
    (Seen(status=502, provider_status=500, **{**SERVED, "details": ""}), Reason.PROVIDER_ERROR),
    (Seen(status=502, **{**SERVED, "details": ""}), Reason.PROVIDER_ERROR),
    (Seen(status=200, provider_status=500, **SERVED), Reason.OK),  # the fallback's line is not here yet
    # flags alone
    (Seen(status=503, flags=("UF", "URX"), **PASSED), Reason.PROVIDER_UNREACHABLE),
]


@pytest.mark.parametrize(("what", "reason"), CASES, ids=lambda value: getattr(value, "details", None) or str(value))
def test_envoys_words_have_their_reason(what: Seen, reason: Reason) -> None:
    """Each ending that was seen on the real Envoy, or stands in its source."""
    assert classify.classify(what) == Ending(WORDINGS[reason].outcome, reason)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OK])
def test_every_reason_of_the_processor_is_reached(reason: Reason) -> None:
    """What the processor decided is what is recorded, whatever Envoy calls the reply."""
    told = Seen(reason=reason.value, verdict="refuse", status=403, details="forebay_x", tenant="acme")
    assert classify.classify(told) == Ending(WORDINGS[reason].outcome, reason)
    # the metadata lost: the details still name it
    lost = Seen(status=403, details=f"forebay_{reason.value}", tenant="acme")
    assert classify.classify(lost) == Ending(WORDINGS[reason].outcome, reason)


def test_every_rule_and_table_entry_decides_something() -> None:
    """No rule is shadowed by an earlier one: each reason a table can give is given by some case above."""
    reached = {reason for _, reason in CASES}
    tables = (
        *classify.FLAGS.values(),
        *classify.PROVIDER_STATUSES.values(),
        *classify.PROVIDER_STATUS_CLASSES.values(),
    )
    assert {*(rule.reason for rule in classify.RULES), *tables} <= reached


def test_a_block_stays_a_block_when_the_caller_goes() -> None:
    """The security-relevant fact wins over the caller's departure."""
    what = Seen(
        reason="prompt_injection", verdict="refuse", status=403, details="forebay_prompt_injection", flags=("DC",)
    )
    assert classify.classify(what).reason is Reason.PROMPT_INJECTION


def test_what_is_in_no_table_is_internal_and_not_recognised() -> None:
    """A future Envoy's word is counted, not guessed."""
    for what in (Seen(), Seen(status=418, details="brand_new"), Seen(status=200, reason="nonsense", verdict="refuse")):
        assert classify.classify(what) == Ending(Outcome.FAILED, Reason.INTERNAL, recognised=False)


def test_a_line_is_seen_with_its_dashes_and_texts() -> None:
    """Envoy prints numbers as text and absent values as dashes."""
    line = Line(
        "request",
        {
            "status": "502",
            "details": "-",
            "flags": "-",
            "provider": "primary",
            "tenant": "acme",
        },
        {"verdict": "pass", "reason": "ok"},
    )
    assert seen(line, 403) == Seen("ok", "pass", 502, "", (), "acme", "primary", 403)


def test_a_providers_status_on_the_line_wins_over_the_attempts() -> None:
    """Should Envoy ever print it itself."""
    assert seen(Line("request", {"provider_status": 401}), 500).provider_status == 401


SOME = st.sampled_from([*(rule.details for rule in classify.RULES), "via_upstream", "", "forebay_ok"]) | st.text()


@given(st.builds(Seen, st.none() | st.text(), st.none() | st.text(), st.integers(0, 999), SOME, st.tuples(st.text())))
def test_every_ending_has_exactly_one_outcome(what: Seen) -> None:
    """Total."""
    ending = classify.classify(what)
    assert ending.outcome is WORDINGS[ending.reason].outcome


@pytest.mark.parametrize("status", [200, 503])
def test_a_processor_that_dies_while_the_provider_answers_is_told_as_that(status: int) -> None:
    """Before the head has left it is Envoy's 503; afterwards the answer breaks off. The provider is not to blame."""
    died = Seen(status=status, details="ext_proc_error_gRPC_error_13{}", verdict="pass", provider="one")
    assert classify.classify(died).reason is Reason.PROCESSOR_UNAVAILABLE
