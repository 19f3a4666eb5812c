"""What would be kept at the provider, or is kept there already: refused, with what to do in its place."""

from collections.abc import Mapping
from typing import Final, Literal

from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

Kept = Literal[
    "answer", "audio", "background", "comparison", "container", "conversation", "file", "item", "mask", "named",
    "prompt", "shell", "skill", "source", "tool", "tunnel", "upload",
]  # fmt: skip

# What of it a call uses -> how the call says it, and what its caller reads as advice.
ADVICE: Final[Mapping[Kept, tuple[str, str]]] = {
    "conversation": (
        "`previous_response_id`, `conversation`",
        "send the whole conversation with each request, reasoning with its 'encrypted_content'",
    ),
    "item": (
        "an item of `input` by its id alone",
        "send the item itself with all that it says, reasoning with its 'encrypted_content'",
    ),
    "answer": ("`store: true`", "leave it out, and send the whole conversation with each request"),
    "background": ("`background: true`", "leave it out, and wait for the answer or stream it"),
    "prompt": ("`prompt`", "send the prompt's own text, in 'instructions' or 'input'"),
    "comparison": ("`prompt_cache_options.comparison_response_id`", "leave it out"),
    "file": (
        "`file_id` in OpenAI's APIs",
        "send what is in the file instead, as 'file_data' or as a 'data:' URL",
    ),
    "source": (
        "`file_id` in Messages",
        "send what is in the file instead, in a 'source' of the type 'base64' or 'text'",
    ),
    "upload": (
        "a `container_upload` block",
        "leave the block out, and send what is in the file as a document or an image",
    ),
    "tool": ("the tools `file_search` and `code_interpreter`", "leave this tool out"),
    "tunnel": ("`tunnel_id` of an `mcp` tool", "leave it out, and name the server by its 'server_url'"),
    "mask": ("`input_image_mask.file_id`", "send the mask itself, as its 'image_url'"),
    "shell": (
        "a `shell` tool in a container",
        "run the shell yourself, with an 'environment' of the type 'local'",
    ),
    "container": (
        "`container` of Messages, by its id",
        "leave it out, or send it with 'skills' and without 'id'",
    ),
    "skill": ("a skill of the account, by its `skill_id`", "leave it out, or name one of Anthropic's own"),
    "audio": ("what was said aloud, by its `audio.id`", "send what was said as the message's 'content'"),
    "named": (
        "anything else that is kept, by an id: in an item or a tool, a vector store, a voice, a cache, ...",
        "leave it out",
    ),
}


def stored(path: str, kept: Kept) -> Refused:
    """The refusal of what is, or would be, kept at the provider; `path` names the field at fault."""
    return Refused(Reason.STORED_STATE, {"path": path, "advice": ADVICE[kept][1]})
