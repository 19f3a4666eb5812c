"""The GenAI names are those of OpenTelemetry."""

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics as metrics
from opentelemetry.semconv.attributes import error_attributes

from forebay import semconv


def test_the_attributes_are_those_of_the_installed_opentelemetry() -> None:
    """An upstream rename shows up here, by name."""
    assert semconv.OPERATION_NAME == attributes.GEN_AI_OPERATION_NAME == "gen_ai.operation.name"
    assert semconv.PROVIDER_NAME == attributes.GEN_AI_PROVIDER_NAME == "gen_ai.provider.name"
    assert semconv.REQUEST_MODEL == attributes.GEN_AI_REQUEST_MODEL == "gen_ai.request.model"
    assert semconv.TOKEN_TYPE == attributes.GEN_AI_TOKEN_TYPE == "gen_ai.token.type"
    assert semconv.ERROR_TYPE == error_attributes.ERROR_TYPE == "error.type"


def test_the_values_are_those_of_the_installed_opentelemetry() -> None:
    """Operations and token types are closed lists upstream."""
    operations = {value.value for value in attributes.GenAiOperationNameValues}
    assert {semconv.OPERATION_CHAT, semconv.OPERATION_EMBEDDINGS} <= operations
    assert {semconv.TOKEN_INPUT, semconv.TOKEN_OUTPUT} == {value.value for value in attributes.GenAiTokenTypeValues}


def test_the_metrics_are_those_of_the_installed_opentelemetry() -> None:
    """Dashboards of other projects find them."""
    assert semconv.CLIENT_TOKEN_USAGE == metrics.GEN_AI_CLIENT_TOKEN_USAGE
    assert semconv.CLIENT_OPERATION_DURATION == metrics.GEN_AI_CLIENT_OPERATION_DURATION
    assert semconv.SERVER_REQUEST_DURATION == metrics.GEN_AI_SERVER_REQUEST_DURATION
    assert semconv.SERVER_TIME_TO_FIRST_TOKEN == metrics.GEN_AI_SERVER_TIME_TO_FIRST_TOKEN


def test_the_buckets_are_those_the_conventions_advise() -> None:
    """Copied from the conventions' text, which no package carries."""
    assert semconv.TOKEN_BUCKETS[:3] == (1, 4, 16)
    assert semconv.TOKEN_BUCKETS[-1] == 67108864
    assert semconv.DURATION_BUCKETS[:4] == (0.01, 0.02, 0.04, 0.08)
    assert semconv.DURATION_BUCKETS[-1] == 81.92
    assert semconv.FIRST_TOKEN_BUCKETS[0] == 0.001
    assert semconv.FIRST_TOKEN_BUCKETS[-1] == 10


def test_a_name_becomes_prometheus_form_with_its_unit() -> None:
    """Dots are not allowed there, and the unit is part of the name."""
    assert semconv.prometheus_name("gen_ai.client.operation.duration", "seconds") == (
        "gen_ai_client_operation_duration_seconds"
    )
    assert semconv.prometheus_name("gen_ai.client.token.usage") == "gen_ai_client_token_usage"
