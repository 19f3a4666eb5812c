"""Envoy's own numbers about its calls of the processor, out of the short text that its filter state prints.

    rh:846:0,rb:1:3467:0,sh:408:0,sb:1:252:0,bs:1665,br:849,os:0,ds:extproc

Source: source/extensions/filters/http/ext_proc/ext_proc.cc, ExtProcLoggingInfo::serializeAsString (Envoy 1.40).
"""

from typing import Final

from forebay.record import scalars

# Of each part: the names of its numbers, in order.
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "rh": ("request_header_latency_us", "request_header_call_status"),
    "rb": ("request_body_call_count", "request_body_total_latency_us", "request_body_last_call_status"),
    "rt": ("request_trailer_latency_us", "request_trailer_call_status"),
    "sh": ("response_header_latency_us", "response_header_call_status"),
    "sb": ("response_body_call_count", "response_body_total_latency_us", "response_body_last_call_status"),
    "st": ("response_trailer_latency_us", "response_trailer_call_status"),
    "bs": ("bytes_sent",),
    "br": ("bytes_received",),
}
_LONGEST: Final = 512


def calls_of_the_processor(text: str) -> dict[str, str]:
    """What `text` says by name, not yet checked to be numbers; empty where there is nothing, unknown parts left out."""
    found: dict[str, str] = {}
    if text in scalars.ABSENT:
        return found
    for part in text[:_LONGEST].split(","):
        kind, *numbers = part.split(":")
        found.update(zip(_PARTS.get(kind, ()), numbers, strict=False))
    return found
