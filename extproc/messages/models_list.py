"""The body of GET /v1/models."""

from collections.abc import Iterable

import orjson


def models_list(names: Iterable[str]) -> bytes:
    """OpenAI's model list of these names, in alphabetical order. It tells nothing of the providers behind them."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "forebay"} for name in sorted(set(names))]
    return orjson.dumps({"object": "list", "data": data})
