"""Words that no finding begins in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.scan import values
from extproc.streams.calm import STEP, is_calm, is_short

CALM = (
    "[EMAIL_ADDRESS_x7k2mq]: ([US_SSN_abcdef]), "
    "the Weather, \"quoted\" (brackets) Yes! don't they’re NASA well-known and\n então Größe привет, 你好。これは，"
    " नमस्ते सुंदर "
).replace("。", "。 ").replace("，", "， ").split()  # fmt: skip


@pytest.mark.parametrize("word", CALM)
def test_ordinary_words_are_calm(word: str) -> None:
    """Of any script."""
    assert is_calm(word if word[-1] in "。，" else word + " ")


@pytest.mark.parametrize(
    "word",
    [
        "a1 ", "7 ", "a@b ", "x_y ", "CamelCase ", "AKIAIOSFODNN ", "pneumonoultramicroscopic ", "ab:cd ", "**bold** ",
        "of ", "- ", "“Typeset” ", "ｆｕｌｌ ", "po\u200bst ", "𝐦𝐚𝐭𝐡 ", "٣ ", "word", "é1 ",
    ],
)  # fmt: skip
def test_anything_else_is_not(word: str) -> None:
    """Digits, signs, disguises, what is too long or too short, what has no end yet."""
    assert not is_calm(word)


def test_what_is_short_says_nothing() -> None:
    """It may be the beginning of something: `AB 12 34 56 C`."""
    assert all(map(is_short, ["I ", "AB ", " ", "\n", "- ", "## ", "(a) "]))
    assert not any(map(is_short, ["12 ", "abc ", "a", "---------- "]))


@given(st.text(max_size=600))
def test_steps_make_up_the_text(text: str) -> None:
    """All of it but a rest without an end, each at most 256 characters."""
    at = 0
    while (step := STEP.match(text, at)) is not None:
        assert 0 < len(step[0]) <= 256
        at = step.end()
    assert len(text) - at < 256


@given(
    st.lists(
        st.sampled_from(
            [*CALM, "password", "token", "secret", "card", "phone", "ssn", "key", "bearer", "authorization"]
        ),
        max_size=30,
    )
)
def test_nothing_is_found_in_calm_words_alone(words: list[str]) -> None:
    """Which is why they need not be scanned."""
    text = "".join(word + " " for word in words)
    assert all(is_calm(word + " ") for word in words if word[-1] not in "。，")
    assert values(text, True, (), True) == ()
