"""Every string a model could read, wherever it stands: nothing textual is forwarded unscanned.

Three kinds of text are left out, because nothing anybody could mean to hide fits into them: empty strings and the
fixed words of the API (VOCABULARY); keys shorter than MIN_KEY; numbers shorter than MIN_NUMBER. The bounds are the
shortest value a detector knows: `a@b.co` has six characters, a telephone number seven digits.

JSON inside a string is opened once, and only where the API says that it is JSON (tool-call arguments). Deeper layers,
and JSON that somebody put into a message, are scanned as the text they are.

What a text alone does not tell is noted beside it (Hints): the keys a value stands under, which numbers must stay
numbers, which texts a model reads as one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from extproc.findings import Channel, Text
from extproc.messages.hints import Document, Hints, Names
from extproc.messages.json_spans import MAX_VALUES, Node, parse_counted
from extproc.messages.percent import is_coded
from extproc.messages.places import byte_places, codepoint_places
from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

MIN_KEY: Final = 6
MIN_NUMBER: Final = 7

# fmt: off
VOCABULARY: Final = frozenset({
    "any", "apply_patch", "array", "assistant", "audio", "auto", "base64", "boolean", "commentary", "completed",
    "computer_call", "computer_call_output", "computer_screenshot", "concise", "custom", "custom_tool_call",
    "custom_tool_call_output", "default", "detailed", "developer", "direct", "disabled", "document", "enabled",
    "ephemeral", "failed", "file", "final_answer", "flex", "function", "function_call", "function_call_output",
    "grammar", "high", "image", "image_generation", "image_url", "in_progress", "incomplete", "input_audio",
    "input_file", "input_image", "input_text", "integer", "json_object", "json_schema", "lark", "local_shell",
    "local_shell_call", "local_shell_call_output", "low", "medium", "message", "message.output_text.logprobs",
    "minimal", "namespace", "none", "null", "number", "object", "output_text", "priority", "reasoning",
    "reasoning.encrypted_content", "reasoning_text", "redacted_thinking", "refusal", "regex", "required",
    "server_tool_use", "shell_call", "shell_call_output", "string", "summary_text", "system", "text", "thinking",
    "tool", "tool_result", "tool_use", "url_citation", "user", "video_url", "web_search", "web_search_call", "xhigh",
})
KNOWN_KEYS: Final = frozenset({
    "$schema", "action", "additionalProperties", "allOf", "annotations", "anyOf", "arguments", "budget_tokens",
    "cache_control", "call_id", "citations", "commands", "const", "content", "custom", "default", "definition",
    "definitions", "description", "detail", "effort", "encrypted_content", "enum", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "filename", "format", "function", "function_call", "image_url", "include",
    "include_obfuscation", "input_audio", "input_schema", "instructions", "is_error", "items", "logprobs", "maximum",
    "maxItems", "maxLength", "media_type", "minimum", "minItems", "minLength", "multipleOf", "namespace", "nullable",
    "object", "oneOf", "output", "parameters", "pattern", "patternProperties", "phase", "prompt_cache_key",
    "properties", "reasoning", "reasoning_content", "refusal", "required", "safety_identifier", "schema",
    "search_context_size", "server_label", "server_url", "service_tier", "signature", "source", "status",
    "stream_options", "strict", "summary", "syntax", "thinking", "title", "tool_call_id", "tool_calls", "tool_use_id",
    "truncation", "uniqueItems",
})
# fmt: on


_TELLING: Final = re.compile(
    r"[0-9]|[^\x00-\x7f]|^\S{6,}$"
)  # a number in it, or all of it one word as long as the shortest secret
_NAMES_ITS_SIBLING: Final = ("name", "key", "field", "label", "type")  # of `value`, in {"name": "ssn", "value": ...}
_LONGEST_NAME: Final = 64
_MOST_NAMES: Final = 4  # the nearest ones


class Texts:
    """Collects the texts of one body, in the order of the body within each call."""

    __slots__ = ("_body", "_depth", "_documents", "_fixed", "_left", "_links", "_names", "_of_signed", "_runs", "found")

    def __init__(self, body: bytes, depth: int) -> None:
        """`depth` bounds JSON inside strings, as it does the body."""
        self.found: list[Text] = []
        self._body = body
        self._depth = depth
        self._left = MAX_VALUES  # of all JSON inside strings together
        self._names: dict[int, Names] = {}
        self._runs: list[Sequence[int]] = []
        self._links: list[int] = []
        self._fixed: list[int] = []
        self._of_signed: list[int] = []
        self._documents: dict[int, Document] = {}

    def hints(self) -> Hints:
        """What is known of the texts found so far."""
        runs, links, fixed = tuple(self._runs), tuple(self._links), tuple(self._fixed)
        return Hints(self._names, runs, links, fixed, self._documents, tuple(self._of_signed))

    def add(self, node: Node, path: str, channel: Channel, value: str) -> None:
        """One string, which is text whatever it says."""
        if value:
            self.found.append(Text(path, channel, value, node.start, node.end))

    def add_signed(self, node: Node, path: str, channel: Channel, value: str) -> None:
        """A text that its provider has signed: scanned, but nothing in it can be changed."""
        if value:
            self._of_signed.append(len(self.found))
            self.add(node, path, channel, value)

    def add_all(self, node: Node, path: str, channel: Channel) -> None:
        """Every string, key and long number in `node`. All of them get `path`: names inside are the caller's."""
        self._collect(node, path, channel, ())

    def add_member(self, key: str, node: Node, path: str, channel: Channel) -> None:
        """A member this gateway does not know: its key and everything in it, as `path` and a star."""
        path += "*"
        self.add_key(key, node, path, channel)
        self._collect(node, path, channel, _under((), key))

    def add_key(self, key: str, node: Node, path: str, channel: Channel) -> None:
        """The key alone; what it leads to is for the caller of this to add."""
        if len(key) >= MIN_KEY and key not in KNOWN_KEYS:
            end = self._body.rindex(b'"', node.key_start, node.start) + 1
            self.found.append(Text(path, channel, key, node.key_start, end, form="key"))

    def add_link(self, key: str, node: Node, path: str, channel: Channel, value: str) -> None:
        """A member whose string may be a URL."""
        self.add_key(key, node, path + "*", channel)
        if is_coded(value):
            self._links.append(len(self.found))
        self.add(node, path + "*", channel, value)

    def add_number(self, node: Node, path: str, channel: Channel) -> None:
        """A number that the API takes as a number only; a short one is left out as everywhere."""
        if node.end - node.start >= MIN_NUMBER and isinstance(node.value, (int, float)):
            self._fixed.append(len(self.found))
            self._collect(node, path, channel, ())

    def add_document(self, document: Document, path: str, channel: Channel) -> None:
        """A text that stands encoded in a string."""
        if document.value:
            self._documents[len(self.found)] = document
            self.found.append(Text(path, channel, document.value, document.start, document.end))

    def add_run(self, indexes: Sequence[int]) -> None:
        """The texts at these places in `found` are read as one."""
        if len(indexes) > 1:
            self._runs.append(indexes)

    def add_json(self, node: Node, path: str, channel: Channel, value: str) -> None:
        """A string that should hold JSON: each text in there, or the whole as one text when it does not parse.

        Raises Refused(CAP_EXCEEDED) when all such strings together hold too many values.
        """
        if not value.lstrip(" \t\n\r").startswith(("{", "[", '"')):
            return self.add(node, path, channel, value)
        inner = Texts(value.encode(), self._depth)
        try:
            root, count = parse_counted(inner._body, self._depth, self._left)
        except Refused as refused:
            if refused.reason is Reason.CAP_EXCEEDED:
                raise Refused(Reason.CAP_EXCEEDED, {"path": path, "limit": MAX_VALUES}) from None
            return self.add(node, path, channel, value)
        self._left -= count
        inner.add_all(root, path, channel)
        bounds = codepoint_places(inner._body, [bound for text in inner.found for bound in (text.start, text.end)])
        places = byte_places(self._body[node.start + 1 : node.end - 1], bounds)
        base, first = node.start + 1, len(self.found)
        self._names |= {first + index: names for index, names in inner._names.items()}
        self.found += [
            Text(path, channel, text.value, base + start, base + end, 1, text.form)
            for text, start, end in zip(inner.found, places[::2], places[1::2], strict=True)
        ]
        return None

    def _collect(self, node: Node, path: str, channel: Channel, names: Names) -> None:
        value, start, end = node.value, node.start, node.end  # recursion is bounded by json_spans.MAX_DEPTH
        if isinstance(value, str):
            if value and value not in VOCABULARY:
                if names and _TELLING.search(value):
                    self._names[len(self.found)] = names
                self.found.append(Text(path, channel, value, start, end))
        elif isinstance(value, dict):
            for key, child in value.items():
                self.add_key(key, child, path, channel)
                within = _under(names, key)
                self._collect(child, path, channel, _beside(within, value) if key == "value" else within)
        elif isinstance(value, list):
            for child in value:
                self._collect(child, path, channel, names)
        elif isinstance(value, (int, float)) and end - start >= MIN_NUMBER:
            if names:
                self._names[len(self.found)] = names
            self.found.append(Text(path, channel, self._body[start:end].decode(), start, end, form="number"))


def _under(names: Names, key: str) -> Names:
    return names if key in KNOWN_KEYS else (*names[1 - _MOST_NAMES :], key)


def _beside(names: Names, members: Mapping[str, Node]) -> Names:
    """The names and what siblings of `value` call it."""
    said = [members[name].value for name in _NAMES_ITS_SIBLING if name in members]
    return (*names, *[name for name in said if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME])
