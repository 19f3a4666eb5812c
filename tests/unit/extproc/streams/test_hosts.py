"""What stands behind a value."""

import pytest

from extproc.streams.hosts import LONGEST, Following
from extproc.streams.restoring import Restoring

NAME = "[NAME_aaaaaa]"


def within(text: str, value: str = "Maria") -> bool | None:
    """Whether the value that `text` follows is part of a host; the same for each cut."""
    verdicts = set()
    for size in (1, 2, len(text) or 1):
        following = Following(value)
        for start in range(0, len(text), size):
            if following.within is None:
                following.read(text[start : start + size])
        verdicts.add(following.within)
    assert len(verdicts) == 1
    return verdicts.pop()


@pytest.mark.parametrize(
    "text",
    [
        ".evil.example/x", "-a.evil.com", "x.e", "さん.e", "@e", ".@", "'@e", "%20@e", "😀.e", "\u200b.e", "&#46;e",
        "&period;e", "&commat;", "\\.e", "_.e", ".-", "!x@", "a" * (LONGEST + 1),
    ],
)  # fmt: skip
def test_what_could_be_the_rest_of_a_host_is_told(text: str) -> None:
    """Or of a mailbox: labels in any script, dots however they are spelt."""
    assert within(text) is True


@pytest.mark.parametrize(
    "text",
    ["\n.e", ". e", "…", "。e", "'s ", ", x@e", ")", "]", "(a.e", "... ", "-x ", "\u00a0.e", "&nbsp;.e", "」",
     ".[1]", "s<b>", " "],
)  # fmt: skip
def test_what_ends_a_word_ends_a_host(text: str) -> None:
    """Then the value may go."""
    assert within(text) is False


@pytest.mark.parametrize("text", ["", ".", "s", "'s", "-", "&#4"])
def test_what_may_still_become_one_is_waited_for(text: str) -> None:
    """No longer than to the end of the word."""
    assert within(text) is None


def test_behind_a_url_everything_up_to_a_blank_could_be_its_host() -> None:
    """What was its host becomes the name of a user."""
    assert within(":(x)@evil.example", "https://a.example") is True
    assert within(") and @", "https://a.example") is False
    text = f"[URL_aaaaaa]{NAME}@evil.example"
    assert Restoring({NAME: "Maria", "[URL_aaaaaa]": "https://a.example"}).whole(text) == text


def test_a_value_waits_for_the_word_behind_it() -> None:
    """It is held, also at the end of a deadline, and goes or stays with what comes."""
    restorer = Restoring({NAME: "Maria"}).channel()
    assert (restorer.feed(f"Dear {NAME}"), restorer.held) == ("Dear ", len(NAME))
    assert (restorer.expire("."), restorer.held) == ("", len(NAME) + 1)
    assert restorer.feed(" x ") == "Maria. x "
    assert restorer.feed(f"{NAME}.") + restorer.feed("evil.example/ ") == f"{NAME}.evil.example/ "
    assert restorer.feed(f"{NAME}-{NAME}{NAME}.evil.example ") == f"Maria-Maria{NAME}.evil.example "
    assert restorer.feed(f"{NAME}.", True) == "Maria."


def test_a_value_that_could_be_the_path_of_a_host_stays() -> None:
    """Or its port."""
    restoring = Restoring({NAME: "/a/b", "[PIN_aaaaaa]": "1234", "[ID_aaaaaa]": "x"})
    text = f"evil.example{NAME} evil.example:[PIN_aaaaaa] "
    assert restoring.whole(text) == text
    assert restoring.whole(f"see a.txt[ID_aaaaaa], {NAME}") == "see a.txtx, /a/b"
