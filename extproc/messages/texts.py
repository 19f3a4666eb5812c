"""Every string a model could read, wherever it stands: nothing textual is forwarded unscanned.

Three kinds of text are left out, because nothing anybody could mean to hide fits into them: empty strings and the
fixed words of the API (VOCABULARY); keys shorter than MIN_KEY; numbers shorter than MIN_NUMBER. The bounds are the
shortest value a detector knows: `a@b.co` has six characters, a telephone number seven digits.

JSON inside a string is opened once, and only where the API says that it is JSON (tool-call arguments). Deeper layers,
and JSON that somebody put into a message, are scanned as the text they are.
"""

from typing import Final

from extproc.findings import Channel, Text
from extproc.messages.json_spans import MAX_VALUES, Node, parse_counted
from extproc.messages.places import byte_places, codepoint_places
from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

MIN_KEY: Final = 6
MIN_NUMBER: Final = 7

# fmt: off
VOCABULARY: Final = frozenset({
    "array", "audio", "auto", "boolean", "custom", "default", "document", "ephemeral", "file", "flex", "function",
    "high", "image", "image_url", "input_audio", "input_file", "input_image", "input_text", "integer", "json_object",
    "json_schema", "low", "medium", "minimal", "none", "null", "number", "object", "output_text", "priority",
    "refusal", "required", "string", "text", "tool_use", "video_url",
})
KNOWN_KEYS: Final = frozenset({
    "$schema", "additionalProperties", "allOf", "anyOf", "arguments", "cache_control", "const", "content", "custom",
    "default", "definitions", "description", "detail", "effort", "enum", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "filename", "format", "function", "function_call", "image_url", "input_audio", "items",
    "maximum", "maxItems", "maxLength", "minimum", "minItems", "minLength", "multipleOf", "nullable", "object",
    "oneOf", "parameters", "pattern", "patternProperties", "properties", "reasoning", "reasoning_content", "refusal",
    "required", "schema", "strict", "thinking", "title", "tool_call_id", "tool_calls", "uniqueItems",
})
# fmt: on


class Texts:
    """Collects the texts of one body, in the order of the body within each call."""

    __slots__ = ("_body", "_depth", "_left", "found")

    def __init__(self, body: bytes, depth: int) -> None:
        """`depth` bounds JSON inside strings, as it does the body."""
        self.found: list[Text] = []
        self._body = body
        self._depth = depth
        self._left = MAX_VALUES  # of all JSON inside strings together

    def add(self, node: Node, path: str, channel: Channel, value: str) -> None:
        """One string, which is text whatever it says."""
        if value:
            self.found.append(Text(path, channel, value, node.start, node.end))

    def add_all(self, node: Node, path: str, channel: Channel) -> None:
        """Every string, key and long number in `node`. All of them get `path`: names inside are the caller's."""
        _collect(self._body, node, path, channel, self.found)

    def add_member(self, key: str, node: Node, path: str, channel: Channel) -> None:
        """A member this gateway does not know: its key and everything in it, as `path` and a star."""
        path += "*"
        _collect_key(self._body, key, node, path, channel, self.found)
        _collect(self._body, node, path, channel, self.found)

    def add_key(self, key: str, node: Node, path: str, channel: Channel) -> None:
        """The key alone; what it leads to is for the caller of this to add."""
        _collect_key(self._body, key, node, path, channel, self.found)

    def add_json(self, node: Node, path: str, channel: Channel, value: str) -> None:
        """A string that should hold JSON: each text in there, or the whole as one text when it does not parse.

        Raises Refused(CAP_EXCEEDED) when all such strings together hold too many values.
        """
        inner = value.encode()
        if not value.lstrip(" \t\n\r").startswith(("{", "[", '"')):
            return self.add(node, path, channel, value)
        try:
            root, count = parse_counted(inner, self._depth, self._left)
        except Refused as refused:
            if refused.reason is Reason.CAP_EXCEEDED:
                raise Refused(Reason.CAP_EXCEEDED, {"path": path, "limit": MAX_VALUES}) from None
            return self.add(node, path, channel, value)
        self._left -= count
        inside: list[Text] = []
        _collect(inner, root, path, channel, inside)
        bounds = codepoint_places(inner, [bound for text in inside for bound in (text.start, text.end)])
        places = byte_places(self._body[node.start + 1 : node.end - 1], bounds)
        base = node.start + 1
        self.found += [
            Text(path, channel, text.value, base + start, base + end, 1, text.form)
            for text, start, end in zip(inside, places[::2], places[1::2], strict=True)
        ]
        return None


def _collect(body: bytes, node: Node, path: str, channel: Channel, found: list[Text]) -> None:
    value = node.value  # recursion is bounded by json_spans.MAX_DEPTH
    if isinstance(value, str):
        if value and value not in VOCABULARY:
            found.append(Text(path, channel, value, node.start, node.end))
    elif isinstance(value, dict):
        for key, child in value.items():
            _collect_key(body, key, child, path, channel, found)
            _collect(body, child, path, channel, found)
    elif isinstance(value, list):
        for child in value:
            _collect(body, child, path, channel, found)
    elif isinstance(value, (int, float)) and node.end - node.start >= MIN_NUMBER:
        found.append(Text(path, channel, body[node.start : node.end].decode(), node.start, node.end, form="number"))


def _collect_key(body: bytes, key: str, node: Node, path: str, channel: Channel, found: list[Text]) -> None:
    if len(key) >= MIN_KEY and key not in KNOWN_KEYS:
        end = body.rindex(b'"', node.key_start, node.start) + 1
        found.append(Text(path, channel, key, node.key_start, end, form="key"))
