"""early_header_mutation: the caller's copies of our headers and of Envoy's are gone before anything reads them.

The request id too: Envoy keeps the one of a caller whose address it takes for internal, and the record's lines are
joined by it. Where callers are told of times, the time of the first sight travels to the processor.
"""

from forebay import contract
from xds.translate.shapes import Json, extension, removing, removing_prefixes, setting


def early_headers(timing: bool) -> list[Json]:
    """The connection manager's early_header_mutation_extensions. They run before routing, tracing and request ids."""
    return [
        extension(
            "envoy.http.early_header_mutation.header_mutation",
            "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            {
                "mutations": [
                    *removing_prefixes(contract.INTERNAL_PREFIX, contract.ENVOY_PREFIX),
                    *removing(contract.REQUEST_ID),
                    *([setting(contract.BEGAN, "%START_TIME(%s%6f)%")] if timing else []),
                ]
            },
        )
    ]
