"""OpenTelemetry's GenAI names, spelled once.

The conventions left OpenTelemetry's main repository and are still in development, so nothing imports them from a
package: they are constants here, and a test holds them against the names of the installed OpenTelemetry release.
"""

# ruff: noqa: S105  -- the tokens here are counted, not secret

from typing import Final

# attributes
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
TOKEN_TYPE: Final = "gen_ai.token.type"
ERROR_TYPE: Final = "error.type"

# values of OPERATION_NAME that this gateway serves
OPERATION_CHAT: Final = "chat"
OPERATION_EMBEDDINGS: Final = "embeddings"

# values of TOKEN_TYPE
TOKEN_INPUT: Final = "input"
TOKEN_OUTPUT: Final = "output"

# metrics, all histograms
CLIENT_TOKEN_USAGE: Final = "gen_ai.client.token.usage"
CLIENT_OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
SERVER_REQUEST_DURATION: Final = "gen_ai.server.request.duration"
SERVER_TIME_TO_FIRST_TOKEN: Final = "gen_ai.server.time_to_first_token"

# the bucket bounds the conventions advise
TOKEN_BUCKETS: Final = tuple(float(4**power) for power in range(14))
DURATION_BUCKETS: Final = tuple(round(0.01 * 2**power, 2) for power in range(14))
FIRST_TOKEN_BUCKETS: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)


def prometheus_name(name: str, unit: str = "") -> str:
    """`name` as Prometheus writes it: dots become underscores, `unit` a suffix ({token} is dropped: no unit)."""
    return "_".join(filter(None, (name.replace(".", "_"), unit)))
