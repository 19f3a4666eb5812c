"""POST /v1/embeddings: its body into a Call."""

from typing import Final

from extproc.messages import fields
from extproc.messages.call import Call
from extproc.messages.draft import Draft, Handler, integers, read_metadata, read_model, read_stream, read_user
from extproc.messages.json_spans import Node
from extproc.messages.refusal import Refused
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

_MOST_DIMENSIONS: Final = 65_536  # more than any model has


def parse_embeddings(body: bytes, caps: Caps) -> Call:
    """The call that `body` makes. Raises Refused for whatever may not be forwarded: answer with its reason."""
    draft = Draft(body, caps)
    draft.read(_HANDLERS, ("model", "input"), "document")
    return draft.call("embeddings")


def _input(draft: Draft, node: Node) -> None:
    value = node.value
    if isinstance(value, list):
        if value and value[0].value.__class__ in {int, float}:
            raise Refused(Reason.TOKEN_IDS, {"path": "input"})
        fields.check_cap(len(value), "input", draft.caps.inputs)
        listed = [(element, f"input[{index}]") for index, element in enumerate(value)]
    else:
        listed = [(node, "input")]
    if not listed:
        raise _empty("input")
    draft.messages = len(listed)
    for element, path in listed:
        if element.value.__class__ in {int, float} or fields.holds_numbers(element):
            raise Refused(Reason.TOKEN_IDS, {"path": path})
        text = fields.string(element, path)
        if not text:
            raise _empty(path)
        draft.texts.add(element, path, "document", text)


def _empty(path: str) -> Refused:
    return Refused(Reason.INVALID_VALUE, {"path": path, "expected": "text"})


_HANDLERS: Final[dict[str, Handler]] = {
    "model": read_model,
    "input": _input,
    "stream": read_stream,
    "metadata": read_metadata,
    "user": read_user,
    **integers({"dimensions": (1, _MOST_DIMENSIONS)}),
}
