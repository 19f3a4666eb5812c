"""Where a text points to."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.streams.targets import Targets

HERE = "§"


def inside(text: str) -> list[bool]:
    """Whether each mark in `text` stands in a target."""
    targets, found = Targets(), []
    for index, part in enumerate(text.split(HERE)):
        if index:
            found.append(targets.inside)
        targets.feed(part)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "https://e.example/?q=§", "HTTP://§", "see https:§", "//e.example/§", "https:\\\\e§", "www.§", "a.example/§",
        "a.example:8080?§", "data:text/html,§", "javascript:§", "mailto:§", "(https://e/)§", "https://e/?a=\"§",
        "[x](§", "![x](/a b §)", "[x](a(b)§)", "[x](a\\)§)", "[x](<a)b §>)", "[x]( <a\\>)§>)", "[x](a\n§)",
        "[<x](https://e/<y>§)", "[a](b](c)§)", "<a href=§>", "<img alt='>' src=\"§\">", "</§>", "<!--§-->",
        "<https://e/a b§>", "<a b = '>§'>", "[x]: <https://e/a §>", "[https://a](<b §>)", "<img src=\"a\n\n§\">",
    ],
)  # fmt: skip
def test_what_somebody_could_fetch_is_a_target(text: str) -> None:
    """URLs, targets of links and images, tags; each to its own end."""
    assert inside(text) == [True]


@pytest.mark.parametrize(
    "text",
    [
        "§", "hi §", "https://e.example/ §", "e.g. §", "and/or §", "3.5/§", "a.b/§", "[x] §", "[x](y) §", "[x](y)§",
        "[x](<y>) §", "f(x)§", "[x] (§)", "<§>", "a < b §", "<b>§", "<a b='>'>§", "metadata:§", "Re: §", "awww.§",
        "[x](y\n \n§", "<x y\n\n§", "a](b(c)\\()§"[:-1] + ")§", "news:§", "why?§", "#§",
    ],
)  # fmt: skip
def test_what_nobody_fetches_is_no_target(text: str) -> None:
    """Prose, what stands behind a target, and what only reminds of one."""
    assert inside(text) == [False]


PIECES = st.sampled_from(
    ["[x](", "]", "(", ")", "<", ">", "<a", "=", '"', "'", "\\", "\n", " ", "\n \n", "/", "//", "https:", ".com",
     "www.", "x", "?", ":80", "é"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30), st.lists(st.integers(0, 60)))
def test_no_cut_moves_a_target(pieces: list[str], cuts: list[int]) -> None:
    """What is said of each place depends on the text before it alone."""
    text = "".join(pieces)
    by_one, cut_up = Targets(), Targets()
    for char in text:
        by_one.feed(char)
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    for start, end in itertools.pairwise(places):
        cut_up.feed(text[start:end])
    assert (by_one.inside, by_one.enclosed) == (cut_up.inside, cut_up.enclosed)


def test_a_new_text_begins_outside() -> None:
    """Nothing of the old one is left."""
    targets = Targets()
    targets.feed("[x](<https://")
    targets.reset()
    assert not targets.inside
    assert not targets.enclosed
    targets.feed("/ ok")
    assert not targets.inside
