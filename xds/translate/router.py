"""The router: sends the attempts, and writes a line of the record for each."""

from xds.translate import record
from xds.translate.shapes import Json, extension


def router(record_path: str) -> Json:
    return extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        {
            "suppress_envoy_headers": True,  # no x-envoy-* in answers or towards providers
            "upstream_log": [record.of_attempt(record_path)],
            "upstream_log_options": {"flush_upstream_log_on_upstream_stream": False},
        },
    )
