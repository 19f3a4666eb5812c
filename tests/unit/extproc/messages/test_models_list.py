"""The list of models."""

import json

from extproc.messages.models_list import models_list


def test_the_list_has_openai_s_shape_and_each_name_once() -> None:
    """What the official SDK reads."""
    listed = json.loads(models_list(["b", "a", "b"]))
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["a", "b"]
    assert {model["object"] for model in listed["data"]} == {"model"}
