"""Which parts of the input document the rules read.

Only those parts are sent to the worker, so a decision can be remembered by exactly what it was made from: leaving a
part out can never change the decision, because no rule names it. Every use of the document in Rego begins with the
word `input`; whatever follows it but a plain `.section.field` counts as reading all that is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from extproc.policy import rego
from extproc.policy.sources import Module

Path = tuple[str, ...]  # () = everything, ("model",), ("model", "requested")

_NEVER_TWICE: Final[frozenset[Path]] = frozenset(
    {(), ("time",), ("time", "ns"), ("time", "rfc3339"), ("request",), ("request", "id")}
)


@dataclass(frozen=True, slots=True)
class Reads:
    """Section -> its fields that are read, None = all of it. `everything` = the document is read as a whole."""

    everything: bool
    sections: Mapping[str, frozenset[str] | None]
    repeats: bool  # whether two requests can give the same projection: no clock in ns, no request id

    def project(self, document: Mapping[str, object]) -> dict[str, object]:
        """The part of `document` that is read."""
        if self.everything:
            return dict(document)
        projected: dict[str, object] = {}
        for name, fields in self.sections.items():
            if name not in document:
                continue
            section = document[name]
            if fields is not None and isinstance(section, dict):
                section = {key: section[key] for key in section if key in fields}
            projected[name] = section
        return projected


def reads(modules: Sequence[Module]) -> Reads:
    """What the rules in `modules` read. They must have passed `lint`."""
    paths: set[Path] = set()
    for module in modules:
        found = rego.tokens(module.text)
        for index, token in enumerate(found):
            if token.kind == "name" and token.text == "input" and not rego.is_member(found, index):
                paths.add(rego.path_at(found, index)[1:3])
    sections: dict[str, frozenset[str] | None] = {}
    for path in sorted(paths):
        if len(path) == 1:
            sections[path[0]] = None
        elif len(path) == 2:
            earlier = sections.get(path[0], frozenset())
            sections[path[0]] = None if earlier is None else earlier | {path[1]}
    return Reads(() in paths, sections, not paths & _NEVER_TWICE)
