"""What passes between the processor and a policy worker: length-prefixed frames, the program first.

To the worker:   4 bytes length, payload: the program, then one document after the other.
From the worker: 1 byte status, 4 bytes length, payload; exactly one for each frame it got.
"""

import json
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

QUESTION: Final = struct.Struct(">I")
ANSWER: Final = struct.Struct(">BI")
ANSWER_LIMIT: Final = 1024 * 1024  # bytes


class Status(IntEnum):
    """What a worker's answer is."""

    READY = 1  # the program is compiled
    REFUSED = 2  # it is not; the payload is a JSON list of problems
    DECIDED = 3  # the payload is the decision
    FAILED = 4  # the evaluation failed; no payload


@dataclass(frozen=True, slots=True)
class Program:
    """What a worker runs: (name, text) of each Rego module, and one JSON object of data."""

    modules: tuple[tuple[str, str], ...] = field(repr=False)
    data: str = field(repr=False)

    def encode(self) -> bytes:
        return json.dumps({"modules": self.modules, "data": self.data}).encode()

    @staticmethod
    def decode(raw: bytes) -> "Program":
        found = json.loads(raw)
        return Program(tuple((name, text) for name, text in found["modules"]), found["data"])
