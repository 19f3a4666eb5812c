"""Envoy's own numbers about its calls of the processor, out of the short text that its filter state prints.

    rh:846:0,rb:1:3467:0,sh:408:0,sb:1:252:0,bs:1665,br:849,os:0,ds:extproc

Source: source/extensions/filters/http/ext_proc/ext_proc.cc, ExtProcLoggingInfo::serializeAsString (Envoy 1.40).
"""

from typing import Final

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
_MOST_DIGITS: Final = 15


def calls_of_the_processor(text: object) -> dict[str, int]:
    """The numbers in `text` by name, empty where there are none. What is not known or no number is left out."""
    found: dict[str, int] = {}
    if not isinstance(text, str):
        return found
    for part in text[:_LONGEST].split(","):
        names = _PARTS.get(part[:2])
        if names is not None:
            for name, number in zip(names, part[3:].split(":"), strict=False):
                if number.isdecimal() and len(number) <= _MOST_DIGITS:
                    found[name] = int(number)
    return found
