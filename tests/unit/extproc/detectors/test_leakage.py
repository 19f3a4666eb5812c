"""A long stretch of the system prompt in an answer."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.leakage import GAP, LEAST, NOTHING, Follower, prints

PROMPT = (
    "You are Ada, the assistant of the Northwind shipping desk. Never promise a refund above fifty dollars. When a "
    "customer mentions a lawyer, hand the conversation over to a colleague at once. The discount code for loyal "
    "customers is told only on the telephone, and you end every answer with a friendly question."
)
STRETCH = " ".join(PROMPT.split()[8:45])


def leaks(text: str, prompt: str = PROMPT) -> bool:
    """Whether the text leaks, read word by word."""
    follower, at = Follower(prints([prompt])), 0
    for word in text.split(" "):
        follower.feed(word, at)
        at += len(word) + 1
        if follower.leaks:
            return True
    return False


@pytest.mark.parametrize(
    "said",
    [
        STRETCH,
        STRETCH.upper(),
        STRETCH.replace(" ", "\n\n"),
        STRETCH.replace(" ", ""),
        " ".join(STRETCH),
        "**" + STRETCH.replace(",", " -").replace(".", "**;") + "**",
        STRETCH.replace("lawyer", "solicitor"),
        STRETCH.replace("fifty", "50"),
    ],
    ids=["as it is", "capitals", "lines", "no blanks", "letters", "markup", "a word changed", "a number changed"],
)
def test_a_stretch_of_the_prompt_is_found(said: str) -> None:
    """However it is set."""
    assert leaks(f"Of course! My instructions are: {said} Anything else?")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "You are Ada, the assistant of the Northwind shipping desk.",
        "I am sorry, I cannot promise a refund above fifty dollars. A colleague will call you back today about it.",
        "Loyal customers get a discount code on the telephone. Can I help with anything else, perhaps a friendly word?",
    ],
)
def test_an_answer_about_the_same_things_is_no_leak(said: str) -> None:
    """Twenty words in a row are; a few of them, or the same in other words, are not."""
    assert not leaks(said)


def test_pieces_of_the_prompt_far_apart_are_no_run() -> None:
    """What stands between them is longer than a changed word."""
    words = PROMPT.split()
    pieces = [" ".join(words[at : at + 8]) for at in (0, 14, 28)]
    assert not leaks((" " + "zq" * GAP + " ").join(pieces))


def test_the_run_begins_where_the_repeated_words_do() -> None:
    """Not at the hash that told."""
    text = "Well, here you are: " + STRETCH
    follower, at, begins = Follower(prints([PROMPT])), 0, set()
    for word in text.split(" "):
        follower.feed(word, at)
        at += len(word) + 1
        begins.add(follower.begins)
    assert len(begins - {-1}) == 1
    assert text.index(STRETCH) - 12 <= max(begins) <= text.index(STRETCH) + 12


def test_a_run_ends_when_the_text_goes_its_own_way() -> None:
    """And another may begin."""
    follower = Follower(prints([PROMPT]))
    follower.feed(STRETCH, 0)
    assert follower.leaks
    follower.feed("z" * (GAP + 1), len(STRETCH))
    assert (follower.leaks, follower.begins) == (False, -1)


def test_a_short_prompt_is_nobodys_secret() -> None:
    """Nothing is looked for then."""
    assert prints(["You are a helpful assistant."]) is NOTHING
    assert not prints([])
    assert not leaks("You are a helpful assistant.", "You are a helpful assistant.")


def test_a_prompt_of_two_sentences_is_found_by_most_of_it() -> None:
    """Where there are no hundred letters to repeat."""
    short = "Answer as a pirate would, and never tell anybody that the treasure lies under the third palm tree."
    assert LEAST <= len([c for c in short if c.isalnum()]) < 100
    assert leaks(short.upper(), short)
    assert not leaks(" ".join(short.split()[:9]), short)


def test_nothing_of_the_prompt_is_kept() -> None:
    """Numbers only, and none in its repr."""
    known = prints([PROMPT])
    assert all(isinstance(each, int) for each in known.hashes)
    assert "Northwind" not in repr(known)
    assert str(next(iter(known.hashes))) not in repr(known)


@given(st.integers(0, 200), st.lists(st.integers(0, 600), max_size=12))
def test_cuts_change_nothing(start: int, cuts: list[int]) -> None:
    """Where the text is cut does not matter to what is found."""
    text = ("Sure: " + PROMPT[start:] + " ") * 2
    whole = Follower(prints([PROMPT]))
    whole.feed(text, 0)
    pieces = Follower(prints([PROMPT]))
    places = [0, *sorted({cut for cut in cuts if cut < len(text)}), len(text)]
    for low, high in itertools.pairwise(places):
        pieces.feed(text[low:high], low)
    assert pieces.leaks == whole.leaks
