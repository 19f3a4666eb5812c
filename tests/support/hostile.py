"""Events of a provider that wants a processor to remember much, to write much, or to work for long.

Each shape is the JSON of one event of some size, as small as possible for what it costs.
"""

import json
from collections.abc import Iterator
from typing import Any

SIZE = 60_000
DEEP = 190
UNITS = {
    "strings": '"a"',
    "digits": '"1a"',
    "placeholders": '"[X]"',
    "numbers": "0",
    "lists": "[]",
    "lists in lists": "[0]",
    "objects": "{}",
    "full objects": '{"a":"b"}',
    "names": '{"id":"a"}',
}
TEXTS = {
    "words": "many calm words for everybody ",
    "letters": "aB3",
    "digits": "4 ",
    "strings": '"1a",',
    "keys": '{"a1":"b1"},',
    "brackets": "[",
    "escapes": "\\u00e9",
    "links": "](http://a.b/",
    "tags": "<a ",
    "colons": ":",
    "addresses": "a@b.",
    "beginnings": "[EMAIL_",
    "marks": "😀漢1 ",
}
# Where a provider may put a value, and where text.
VALUES: dict[str, list[str]] = {
    "chat": [
        '{"x":%s}',
        '{"choices":%s}',
        '{"choices":[{"index":0,"delta":{"x":%s}}]}',
        '{"choices":[{"index":0,"delta":{"tool_calls":%s}}]}',
    ],
    "messages": [
        '{"type":"ping","x":%s}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"x","x":%s}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","x":%s}}',
        '{"type":"message_start","message":{"usage":{"input_tokens":%s}}}',
    ],
    "responses": [
        '{"type":"response.completed","response":{"x":%s}}',
        '{"type":"response.created","response":{"tools":%s}}',
        '{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":%s}}',
        '{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"x":%s}}',
        '{"type":"response.x.delta","x":%s}',
    ],
}
DELTAS = {
    "chat": '{"choices":[{"index":0,"delta":{"content":%s}}]}',
    "messages": '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%s}}',
    "responses": '{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":%s}',
}


def event(data: str | bytes) -> bytes:
    """As it is sent."""
    return b"data: " + (data.encode() if isinstance(data, str) else data) + b"\n\n"


def compact(value: object) -> str:
    """As providers and `orjson` write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def many(unit: str, size: int = SIZE) -> str:
    """A list of as many of them as fit."""
    return f"[{','.join([unit] * (size // (len(unit.encode()) + 1)))}]"


def values(size: int = SIZE) -> Iterator[tuple[str, str]]:
    """Many values, flat and deep, spelled in the usual way and in another; long keys and many."""
    for name, unit in UNITS.items():
        yield name, many(unit, size)
    for name in ("strings", "lists in lists", "full objects"):
        yield f"{name}, spelled otherwise", many(UNITS[name] + " ", size)
        yield f"{name}, deep", "[" * DEEP + many(UNITS[name], size) + "]" * DEEP
    yield "beneath a long key", compact({"k" * (size // 2): ["a"] * (size // 8)})
    yield "keys", compact({f"k{number}": "a" for number in range(size // 14)})


def texts(size: int = SIZE) -> Iterator[tuple[str, str]]:
    """Long texts of one kind, as they stand and inside JSON."""
    for name, unit in TEXTS.items():
        for before in ("", "[", '["', '{"a":"'):
            text = before + unit * (size // len(unit.encode()))
            yield f"{name} behind {before!r}", compact(text[: size * len(text) // len(compact(text).encode())])


def events(api: str, size: int = SIZE) -> Iterator[tuple[str, bytes]]:
    """The events of an API, by what they are."""
    for name, value in values(size):
        for where in VALUES[api]:
            yield f"{name} in {where}", event(where % value)
    for name, text in texts(size // 3) if api == "chat" else ():  # in others it is read by the same code
        yield f"a text of {name}", event(DELTAS[api] % text)


def streams(api: str) -> Iterator[tuple[str, list[bytes]]]:
    """Streams of which much would have to be remembered."""
    for name, make in (*_OF_ALL, *_OF[api]):
        yield name, [event(each) for each in make(api)]


def _channels(api: str) -> Iterator[str]:
    text = "calm and ordinary words of some length, \\u0074o be remembered " * 12
    for number in range(1024):
        yield (DELTAS[api] % compact('{"a":"' + text)).replace('index":0', f'index":{number}', 1)


def _large(api: str) -> Iterator[str]:
    for value in (compact(["é😀" + "x" * 50] * 16_000), compact("漢字" * 170_000), compact("\n😀" * 100_000)):
        yield VALUES[api][0] % value


def _choices(api: str) -> Iterator[str]:
    for many_ in range(40):
        yield compact({"choices": [{"index": many_ * 1000 + index} for index in range(1000)]})


def _heads(api: str) -> Iterator[str]:
    yield compact({"id": "x" * 500_000, "model": "m" * 500_000, "choices": [{"index": 0}]})
    for index in range(1, 1000):
        yield compact({"choices": [{"index": index}]})


def _fields(api: str) -> Iterator[str]:
    for number in range(51):
        delta = {f"{place}.{number}": '{"a":"' + "\\u6f22 " * 100 for place in range(20)}
        yield compact({"choices": [{"index": 0, "delta": delta}]})


def _blocks(api: str) -> Iterator[str]:
    for index in range(5000):
        yield compact({"type": "content_block_start", "index": index, "content_block": {"type": "x"}})


def _usages(api: str) -> Iterator[str]:
    usage = {"input_tokens": [[]] * 15_000, "output_tokens": {"a": "x" * 200_000}, "output_tokens_details": [1] * 9000}
    yield compact({"type": "message_start", "message": {"usage": usage}})


def _added(index: int, **item: Any) -> str:
    return compact({"type": "response.output_item.added", "output_index": index, "item": {"type": "message", **item}})


def _parts(api: str) -> Iterator[str]:
    for index in range(256):
        yield _added(index, id="x")
    part = {"type": "output_text", "l": ["a"] * 1900}
    for number in range(10):
        where = {"output_index": number % 4, "content_index": number // 4}
        yield compact({"type": "response.content_part.added", **where, "part": part})


def _wholes(api: str) -> Iterator[str]:
    for number in range(4):
        yield compact({"type": "response.in_progress", "response": {f"k{number}": ["a"] * 10_000}})


def _wide(api: str) -> Iterator[str]:
    for number in range(6):
        yield compact({"type": "response.in_progress", "response": {f"k{number}": ["😀" + "a" * 200] * 2000}})


def _groups(api: str) -> Iterator[str]:
    for number in range(800):
        yield compact({"type": f"response.{number}{'x' * 20_000}.delta", "delta": "x"})


def _carriers(api: str) -> Iterator[str]:
    for number in range(400):
        where = {"output_index": number, "content_index": 0, "item_id": [[]] * 500}
        yield compact({"type": "response.output_text.delta", **where, "delta": "x"})


def _sealed(api: str) -> Iterator[str]:
    for index in range(60):
        item = {"type": "reasoning", "encrypted_content": "A" * 200_000}
        yield compact({"type": "response.output_item.done", "output_index": index, "item": item})


def _said(api: str) -> Iterator[str]:
    for number in range(280):
        yield (DELTAS[api] % compact("é😀 calm words " * 300)).replace('index":0', f'index":{number % 7}', 1)


def _answers(api: str) -> Iterator[str]:
    yield compact({"type": "response.created", "response": {"model": "x" * 200_000, "usage": {"a": [[]] * 15_000}}})


_OF_ALL = (("channels", _channels),)
_OF = {
    "chat": (("large events", _large), ("choices", _choices), ("heads", _heads), ("fields", _fields)),
    "messages": (("blocks", _blocks), ("usages", _usages)),
    "responses": (
        ("large events", _large),
        ("parts", _parts),
        ("wholes", _wholes),
        ("wide strings", _wide),
        ("groups", _groups),
        ("carriers", _carriers),
        ("sealed items", _sealed),
        ("texts", _said),
        ("answers", _answers),
    ),
}
