"""The small forms that recur in Envoy's vocabulary, as functions, so that the rest reads like the YAML it becomes."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Json = dict[str, Any]

TYPE_PREFIX: Final = "type.googleapis.com/"
_MATCH_REQUEST_HEADER: Final = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_MATCH_RESPONSE_HEADER: Final = "envoy.type.matcher.v3.HttpResponseHeaderMatchInput"

LIFTED: Final = 1_000_000  # a circuit breaker that must never be what refuses a call


def typed(full_name: str, fields: Mapping[str, Any] | None = None) -> Json:
    """An Any: `fields` of the message `full_name`."""
    return {"@type": TYPE_PREFIX + full_name, **(fields or {})}


def extension(name: str, full_name: str, fields: Mapping[str, Any] | None = None) -> Json:
    """A named extension: TypedExtensionConfig, HttpFilter, AccessLog and their like share this form."""
    return {"name": name, "typed_config": typed(full_name, fields)}


def seconds(value: float) -> str:
    """A duration, to the millisecond, as Envoy's JSON writes it: 0.25 -> "0.250s", 3 -> "3s"."""
    return f"{int(value)}s" if value == int(value) else f"{value:.3f}s"


def over_ads(first_answer_within: float = 0) -> Json:
    """A ConfigSource on the one ADS stream; 0 waits for the first answer for ever (nothing is served before)."""
    return {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": seconds(first_answer_within)}


def set_header(key: str, value: str) -> Json:
    """A HeaderValueOption that leaves exactly one `key`, ours."""
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def add_header(key: str, value: str) -> Json:
    """A HeaderValueOption that leaves a `key` that is there already, and adds ours."""
    return {"header": {"key": key, "value": value}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}


def setting(key: str, value: str) -> Json:
    """The HeaderMutation of `set_header`."""
    return {"append": set_header(key, value)}


def setting_default(key: str, value: str) -> Json:
    """The HeaderMutation that adds a header where there is none."""
    return {"append": {"header": {"key": key, "value": value}, "append_action": "ADD_IF_ABSENT"}}


def removing(*keys: str) -> list[Json]:
    """HeaderMutations that remove headers by name."""
    return [{"remove": key} for key in keys]


def removing_prefixes(*prefixes: str) -> list[Json]:
    """HeaderMutations that remove every header of a prefix."""
    return [{"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}} for prefix in prefixes]


def header_mutation(name: str, request: Iterable[Json] = (), response: Iterable[Json] = ()) -> Json:
    """The header_mutation filter."""
    mutations = {"request_mutations": [*request], "response_mutations": [*response]}
    return extension(
        name,
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        {"mutations": {kind: steps for kind, steps in mutations.items() if steps}},
    )


def request_header(name: str) -> Json:
    """The matcher input that reads a request header; several of one name are joined by a comma."""
    return extension("request-header", _MATCH_REQUEST_HEADER, {"header_name": name})


def response_header(name: str) -> Json:
    """The matcher input that reads a response header."""
    return extension("response-header", _MATCH_RESPONSE_HEADER, {"header_name": name})


def regex(pattern: str) -> Json:
    """A safe_regex in the form xds matchers demand; RE2, full match."""
    return {"safe_regex": {"google_re2": {}, "regex": pattern}}


def single(matcher_input: Json, value_match: Json) -> Json:
    """A predicate over one input."""
    return {"single_predicate": {"input": matcher_input, "value_match": value_match}}


def both(*predicates: Json) -> Json:
    return {"and_matcher": {"predicate": [*predicates]}}


def exact_map(matcher_input: Json, entries: Mapping[str, Json], otherwise: Json | None = None) -> Json:
    """A matcher that finds its OnMatch by the input's exact value; never empty, Envoy refuses an empty map."""
    tree: Json = {"matcher_tree": {"input": matcher_input, "exact_match_map": {"map": {**entries}}}}
    return tree if otherwise is None else {**tree, "on_no_match": otherwise}


def action(name: str, full_name: str, fields: Mapping[str, Any] | None = None) -> Json:
    """An OnMatch that ends in an action."""
    return {"action": extension(name, full_name, fields)}


def execute(name: str, http_filter: Json) -> Json:
    """An OnMatch of the composite filter: run this filter."""
    return action(
        name,
        "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
        {"typed_config": http_filter},
    )


def composite(name: str, matcher: Json) -> Json:
    """The composite filter: runs whichever filter `matcher` picks for a request, or none."""
    return extension(
        name,
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        {
            "extension_config": extension(
                "envoy.filters.http.composite", "envoy.extensions.filters.http.composite.v3.Composite"
            ),
            "xds_matcher": matcher,
        },
    )
