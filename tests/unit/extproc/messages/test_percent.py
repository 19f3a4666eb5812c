"""URLs decoded, with the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.percent import coded_places, decoded, is_coded

PIECES = st.sampled_from(["a", "é", "%41", "%c3%a9", "%ff", "%f0%9f%98%80", "%", "%4", "+", "%20", "%2B", "😀", "/?x="])


@given(st.lists(PIECES).map("".join))
def test_each_stretch_of_the_decoded_url_has_its_own_in_the_url(url: str) -> None:
    """Cut at any place and decoded by themselves, the parts give the whole."""
    text = decoded(url)
    places = coded_places(url, range(len(text) + 1))
    assert places[0] == 0
    assert places[-1] == len(url)
    assert places == sorted(set(places))
    for index in range(len(text)):
        cut = url[places[index] : places[index + 1]]
        # one byte of a run that is no UTF-8 stands for one character of its own
        assert text[index] in {decoded(cut), bytes.fromhex(cut[1:]).decode("latin-1") if len(cut) == 3 else ""}


def test_single_places_are_found_as_well() -> None:
    """Without asking for all of them."""
    url = "https://x/?q=me%40x.org+%c3%a9!"
    text = decoded(url)
    assert text == "https://x/?q=me@x.org é!"
    start = text.index("me@")
    assert coded_places(url, (start, start + 8)) == [13, 23]
    assert coded_places(url, (len(text) - 1,)) == [len(url) - 1]


def test_a_place_beyond_the_url_is_an_error() -> None:
    """A detector that reports one is broken."""
    with pytest.raises(ValueError, match="beyond"):
        coded_places("a%41", (3,))


@pytest.mark.parametrize(
    ("text", "expected"), [("https://x/%41", True), ("HTTP://x?a+b", True), ("https://x/", False), ("50% + 5", False)]
)
def test_only_urls_with_something_to_decode_are_coded(text: str, expected: bool) -> None:
    """A percent sign in a sentence is one."""
    assert is_coded(text) is expected
