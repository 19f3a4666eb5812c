"""Where a text points to."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.streams.restoring import Restoring
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
        "[<x](https://e/<y>§)", "[a](b](c)§)", "https://e/\u00a0§", "https://e/\u2028\x85\u3000§", "https://e/‹§",
        "https://e/</b>§",
        "https\\://e/§", "https&#58;&#47;&#47;e§", "https&colon;§", "&sol;&sol;e§", "_www.e§", "10.1.2.3/§",
        "e.com:80/§", "e。com/§",
        "https://e/</b c>§", "[r]: §", "[r]:§", "> [r]:\n> §", "- [r]: https://e/?\u3000§", "[r]:\n  <a b §",
        "[a\nb]: x<§", "[r]: a\t§", "[x](<a\\> §>)", "[x](a\\)§", "url(a §)", "URL( '§",
        "<!-- a='--><img src=\"//e/?a='>\n\n§", "<img\n\nsrc='//e/ §", "<x\n\ny = §", "<b a=''c=\"§",
        "<iframe src='//e\n' > §", "<style>§", "<STYLE >b{}</pre></style>§", "x <style>b\n\n</style>§",
        "x <style>`</style>`§", "<style><!--</style>-->§", "x <style>\n    </style>§", "<textarea>§",
        "<select><option>§",
        "<style><textarea></style>§", "<style>\n\n    </style>§", "<a href=§>", "<img alt='>' src=\"§\">", "</§>",
        "<!--§-->",
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
        "https://e/</b> §", "see https://e/x. Mail §", "Tel.: §", "[r]: a §", "[r]:\n\n§", "[r]: <a b> §",
        "> [r]:\n>\n§",
        "<style>b{}</style>§", "x <style>b{}</style> §", "<style>a\n\nb</style>§", "<p title=\"it's\">§",
        "<a href='b'>c</a> §", "It&#39;§", "a&#160;§", "curl(a, §", "<pre>§", "<script>§", "<b>x</b\n>§", "<x y\n\nz§",
        "[x](y\n \n§", "<x y\n\n§", "a](b(c)\\()§"[:-1] + ")§", "news:§", "why?§", "#§",
    ],
)  # fmt: skip
def test_what_nobody_fetches_is_no_target(text: str) -> None:
    """Prose, what stands behind a target, and what only reminds of one."""
    assert inside(text) == [False]


PIECES = st.sampled_from(
    ["[x](", "]", "(", ")", "<", ">", "<a", "=", '"', "'", "\\", "\n", " ", "\n \n", "/", "//", "https:", ".com",
     "www.", "x", "?", ":80", "é", "]:", "&", "#5", "8;", "&sol;", "<style", "</style", "url(", "`", "\u00a0", "\r",
     "\t", "!--", "    "]
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


NAME = "[NAME_aaaaaa]"
OPENERS = (
    "![x](", "[x](<", "![x][r]\n\n[r]: ", "> [r]: ", "> a\n>\n> [r]:\n> ", "- a\n\n  [r]:\n  <", "[a\nb]: ", "<", "",
    "<img src=", "<img alt='>' src=\"", "<!-- a='--><img src=\"", "<svg><style>b{fill:url('", "x <style>@import '",
    "<div style='background:url(", "<iframe src=\"", "url(", "`", "*", "(",
)  # fmt: skip
STARTS = (
    "https://e.example/?d=", "//e.example/", "https&#58;//e.example/", "https&colon;&sol;&sol;e.example&sol;",
    "&#47;&#x2f;e.example&#47;", "https\\://e.example/", "\\/\\/e.example/", "HtTpS:/e.example/", "\\\\e.example\\",
    "www.e.example/", "e.example/", "e.example:8080?", "data:text/html,", "mailto:x@e.example?body=",
)  # fmt: skip
BETWEEN = (
    "",
    "\u00a0",
    "\u3000",
    "\x85",
    "\u2028",
    "\u200b",
    "‹",
    "%20",
    "\\",
    "&amp;",
    "'",
    ")x(",
    "=",
    "|",
    "&nbsp;",
)


@given(st.sampled_from(OPENERS), st.sampled_from(STARTS), st.lists(st.sampled_from(BETWEEN), max_size=3), st.booleans())
def test_nothing_is_restored_in_an_address_however_it_is_spelt(
    opener: str, start: str, between: list[str], as_json: bool
) -> None:
    """In all that opens one, behind all that begins one, with all between that ends none."""
    text = f"Hello, {opener}{start}{''.join(between)}{NAME} "
    restoring = Restoring({NAME: "Maria"})
    restoring.whole(json.dumps([text]) if as_json else text)
    assert (restoring.restored, restoring.withheld) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "Dear §, see https://a.example/x. Your mail § is (as you said: §) known. **§**'s, §; §! “§”",
        "| Name | Mail |\n|---|---|\n| § | [§](https://a.example) |\n\n1. **Name:** §\n2. _§_",
        "<p>Dear §,</p>\n<p class=\"a\">see <a href='https://a.example/'>here</a>, § &amp; § </p>",
        "<!DOCTYPE html>\n<style>\np {\n  color: red;\n}\n</style>\n<td>§</td><td>§</td>",
        "```python\nname = '§'\nif a < b and c > d:\n    print(f\"{name}\", \"§\")\n```",
        "name,mail\n§,§\n§\n[1]: a note on §. See [the page](https://a.example/b_(c)) and §/§ - §.",
        '{"name": "§", "mail": ["§", "§."]}', "§さん、§。 §…", "Q: § A: § (§) § - § – §", "<§>, mailto:x §",
    ],
)  # fmt: skip
def test_ordinary_answers_are_restored(text: str) -> None:
    """Letters, tables, pages, code and data: no placeholder of them stays."""
    restoring = Restoring({NAME: "Maria", "[EMAIL_ADDRESS_bbbbbb]": "maria@a.example"})
    marks = itertools.cycle([NAME, "[EMAIL_ADDRESS_bbbbbb]"])
    restoring.whole("".join(next(marks) if char == HERE else char for char in text))
    assert (restoring.restored, restoring.withheld) == (text.count(HERE), 0)


MIXED = (*OPENERS, *STARTS, *BETWEEN, NAME, NAME, ".e.example", "@", " ", "\n", ">", '"', ")", "]:", "</style>")


@given(st.lists(st.sampled_from(MIXED), max_size=9))
def test_a_text_within_json_is_restored_no_more_than_by_itself(pieces: list[str]) -> None:
    """Its string is a text of its own, and the text around it may withhold more."""
    text = "x" + "".join(pieces)
    alone, within = Restoring({NAME: "Maria"}), Restoring({NAME: "Maria"})
    alone.whole(text)
    within.whole(json.dumps([text]))
    assert within.restored <= alone.restored


@given(st.lists(st.sampled_from(MIXED), max_size=9), st.lists(st.integers(0, 200), max_size=6))
def test_no_cut_changes_what_is_restored_in_targets(pieces: list[str], cuts: list[int]) -> None:
    """Nor what stays for what comes behind it."""
    text = "".join(pieces)
    outcomes = set()
    for places in (cuts, range(len(text)), []):
        restorer, out = Restoring({NAME: "Maria"}).channel(), ""
        for start, end in itertools.pairwise([0, *sorted(cut for cut in places if cut < len(text)), len(text)]):
            out += restorer.feed(text[start:end])
        outcomes.add(out + restorer.feed("", True))
    assert len(outcomes) == 1
