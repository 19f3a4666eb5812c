"""Content parts in OpenAI's APIs: texts, media, and what nobody knows."""

from typing import Final

from extproc.findings import Channel
from extproc.messages import fields
from extproc.messages.draft import Draft
from extproc.messages.json_spans import Node
from extproc.messages.media import MEDIA, read_media

# Part type -> the member that is its text.
TEXT_PARTS: Final = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "summary_text": "text",
    "reasoning_text": "text",
    "refusal": "refusal",
}


def read_part(draft: Draft, node: Node, path: str, channel: Channel, run: list[int]) -> None:
    """One part; its text, if it has one, joins `run`."""
    members = fields.members(node, path)
    type_ = fields.string(fields.required(members, "type", path + ".type"), path + ".type")
    text_field = TEXT_PARTS.get(type_)
    if text_field is not None:
        text_path = f"{path}.{text_field}"
        text = fields.required(members, text_field, text_path)
        value = fields.string(text, text_path)
        if value:
            run.append(len(draft.texts.found))
        draft.texts.add(text, text_path, channel, value)
    elif type_ in MEDIA:
        counter = MEDIA[type_]
        setattr(draft, counter, getattr(draft, counter) + 1)
        read_media(draft, node, path + ".", channel)
        return
    for name, member in members.items():
        if name != text_field:
            draft.texts.add_member(name, member, path + ".", channel)
