"""YAML text -> plain data that knows where each piece stands.

Read event by event, with a stack of our own, so that nesting, size and aliases are bounded. Plain scalars follow
YAML 1.2 (`on`, `off`, `yes` and `no` are words, only `true` and `false` are booleans), as the JSON Schema's users
expect. What YAML allows and a config does not need is refused: tags, merge keys, several documents, keys that are
not text, empty values.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from forebay.config.errors import ConfigErrors, Location, Problem, show

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = Scalar | dict[str, Any] | list[Any]

MAX_CHARACTERS = 4 * 1024 * 1024
_MAX_DEPTH = 32
_MAX_WEIGHT = 16 * 1024 * 1024  # of the document with its aliases written out
_NODE_WEIGHT = 16
_PROBLEM_WEIGHT = 4096  # a problem inside an alias is met once per alias

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip

# The parser's own words for what a newcomer does most, and ours. Its texts are never passed on: they may quote.
_SYNTAX = (
    (
        re.compile("mapping values are not allowed"),
        "a ':' where none may stand; quote the text or mend the indentation",
    ),
    (re.compile("cannot start any token"), "a character that starts nothing in YAML; quote the text"),
    (re.compile("quoted scalar"), "a quote is opened and not closed"),
    (re.compile("flow (sequence|mapping)|expected ',' or"), "a '[' or '{' is not closed, or a ',' is missing"),
    (re.compile("block (mapping|collection|sequence|end)|expected key|expected '-'"), "the indentation does not fit"),
    (re.compile("expected ':'|simple key"), "a ':' is missing after the key"),
    (re.compile("escape"), "an unknown '\\' escape; use single quotes for text with backslashes"),
    (re.compile("tag"), "tags (!...) are not accepted"),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text, counted from 1."""

    line: int
    column: int


START = Mark(1, 1)


@dataclass(slots=True)
class _Node:
    """One piece of YAML; aliases share it, so it is walked with a budget."""

    mark: Mark
    value: Scalar = None
    pairs: "list[tuple[_Node, _Node]] | None" = None
    items: "list[_Node] | None" = None
    complete: bool = False


@dataclass(slots=True)
class Tree:
    """A document: `data` without what was refused, marks of every value and key, and the problems met so far.

    `hide` cuts a location off before anything that was typed inside a key field.
    """

    source: Path
    hide: Callable[[Location], Location]
    data: Plain = None
    values: dict[Location, Mark] = field(default_factory=dict)
    keys: dict[Location, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def shown(self, location: Location) -> Location:
        """The longest part of `location` that is written in the file."""
        while location and location not in self.values:
            location = location[:-1]
        return location

    def mark(self, location: Location, *, key: bool) -> Mark:
        """Where `location`, or what encloses it, stands; `key`: its key rather than its value."""
        near = self.shown(location)
        return (self.keys.get(near) if key else None) or self.values.get(near, START)

    def refuse(
        self, location: Location, message: str, suggestion: str | None = None, *, at: Mark | None = None
    ) -> None:
        """Add a problem at `location`, or at `at`."""
        mark = at or self.mark(location, key=False)
        path = show(self.hide(location))
        self.problems.append(Problem(self.source, mark.line, mark.column, path, message, suggestion))


def parse(text: str, source: Path, hide: Callable[[Location], Location]) -> Tree:
    """Read one YAML document.

    Returns a tree that may carry problems (duplicate keys, keys that are no text, empty values) with the rest of the
    document intact. Raises ConfigErrors when the text is not YAML or beyond the bounds, so that nothing can be read.
    """
    _check_characters(text, source)
    tree = Tree(source, hide)
    root = _compose(text, source)
    if root is None:
        raise _fault(source, START, "the file is empty; at least providers and models are needed")
    _Walk(tree).visit(root, (), START)
    return tree


def _fault(source: Path, mark: Mark, message: str) -> ConfigErrors:
    return ConfigErrors([Problem(source, mark.line, mark.column, "", message)])


def _check_characters(text: str, source: Path) -> None:
    if len(text) > MAX_CHARACTERS:
        raise _fault(source, START, f"the file is larger than {MAX_CHARACTERS} characters")
    found = _UNPRINTABLE.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
        raise _fault(source, Mark(line, column), f"control character U+{ord(found.group()):04X}")


def _mark(place: Any) -> Mark:
    return START if place is None else Mark(place.line + 1, place.column + 1)


def _events(text: str, source: Path) -> Iterator[yaml.Event]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = _mark(error.problem_mark or error.context_mark)
        raise _fault(source, mark, f"not valid YAML: {_syntax(text, mark, error)}") from None
    except yaml.YAMLError:
        raise _fault(source, START, "not valid YAML") from None


def _syntax(text: str, mark: Mark, error: yaml.MarkedYAMLError) -> str:
    lines = text.splitlines()
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    if "\t" in line[: mark.column]:
        return "a tab in the indentation; YAML is indented with spaces"
    words = f"{error.problem or ''} {error.context or ''}"
    return next((ours for theirs, ours in _SYNTAX if theirs.search(words)), "this cannot stand here")


def _compose(text: str, source: Path) -> _Node | None:
    """Build the nodes. Returns None for a text without a document."""
    root: _Node | None = None
    anchors: dict[str, _Node] = {}
    open_nodes: list[_Node] = []
    pending: list[_Node | None] = []  # per open mapping: the key that waits for its value
    for event in _events(text, source):
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise _fault(source, mark, "a second document; one file holds one config")
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop().complete = True
            pending.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _node(event, mark, anchors, source)
        if root is None:
            root = node
        elif open_nodes:
            _attach(open_nodes[-1], node, pending)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(open_nodes) >= _MAX_DEPTH:
                raise _fault(source, mark, f"nested deeper than {_MAX_DEPTH} levels")
            open_nodes.append(node)
            pending.append(None)
    return root


def _node(event: yaml.NodeEvent, mark: Mark, anchors: dict[str, _Node], source: Path) -> _Node:
    if isinstance(event, yaml.AliasEvent):
        known = anchors.get(event.anchor or "")
        if known is None or not known.complete:
            raise _fault(source, mark, "an alias (*...) of something that is not written above it")
        return known
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        raise _fault(source, mark, "tags (!...) are not accepted")
    if isinstance(event, yaml.ScalarEvent):
        value = _plain(event.value) if event.implicit[0] else event.value
        node = _Node(mark, value=value, complete=True)
    elif isinstance(event, yaml.MappingStartEvent):
        node = _Node(mark, pairs=[])
    else:
        node = _Node(mark, items=[])
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node


def _plain(text: str) -> Scalar:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _attach(parent: _Node, node: _Node, pending: list[_Node | None]) -> None:
    if parent.items is not None:
        parent.items.append(node)
        return
    key = pending[-1]
    if key is None:
        pending[-1] = node
    elif parent.pairs is not None:
        parent.pairs.append((key, node))
        pending[-1] = None


@dataclass(slots=True)
class _Walk:
    """Writes aliases out, within a budget, and fills the tree."""

    tree: Tree
    weight: int = 0

    def visit(self, node: _Node, location: Location, key: Mark) -> None:
        self.tree.keys[location] = key
        self.tree.data = self._value(node, location)

    def _value(self, node: _Node, location: Location) -> Plain:
        self.tree.values[location] = node.mark
        self.weight += _NODE_WEIGHT + (len(node.value) if isinstance(node.value, str) else 0)
        if self.weight > _MAX_WEIGHT or len(location) > _MAX_DEPTH:
            raise _fault(self.tree.source, node.mark, "too large once its aliases are written out")
        if node.pairs is not None:
            return self._mapping(node.pairs, location)
        if node.items is not None:
            return [self._value(item, (*location, index)) for index, item in enumerate(node.items)]
        if node.value is None:
            self._refuse(location, "is empty; give a value or remove the key", node.mark)
        return node.value

    def _refuse(self, location: Location, message: str, mark: Mark) -> None:
        self.weight += _PROBLEM_WEIGHT
        self.tree.refuse(location, message, at=mark)

    def _mapping(self, pairs: list[tuple[_Node, _Node]], location: Location) -> Plain:
        result: dict[str, Any] = {}
        for key, value in pairs:
            name = key.value
            if not isinstance(name, str) or key.pairs is not None or key.items is not None:
                self._refuse(location, "a key that is not text; quote it", key.mark)
                continue
            if name == "<<":
                self._refuse(location, "merge keys (<<) are not accepted; write the keys out", key.mark)
                continue
            inner = (*location, name)
            if name in result:
                first = self.tree.keys[inner].line
                self._refuse(inner, f"this key is written twice, first in line {first}", key.mark)
                continue
            self.tree.keys[inner] = key.mark
            result[name] = self._value(value, inner)
        return result
