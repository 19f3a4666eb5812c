"""What a stream has used: the provider's word where it came, our own count where it did not."""

import pytest

from extproc.messages.answer import Usage
from extproc.streams.dialect import Reading
from extproc.streams.said import Said


def test_what_is_heard_is_counted() -> None:
    """Characters, tokens, and when the first text came."""
    said = Said()
    said.hear("abc", 1, 7)
    said.hear("de", 2, 9)
    assert (said.characters, said.tokens, said.first_text_at) == (5, 3, 7)


def test_without_a_word_of_the_providers_all_is_our_own_count() -> None:
    """The prompt's tokens are given, those of the answer were heard."""
    said = Said()
    said.hear("abc", 3, 0)
    assert said.used(21) == (Usage(21, 3, 0, 0), "estimated")


@pytest.mark.parametrize(("heard", "output"), [(9, 9), (1, 2)])
def test_what_the_provider_said_of_the_input_counts(heard: int, output: int) -> None:
    """With its caches; of the output it may have said more than was heard."""
    said = Said()
    said.note(Reading(begun=Usage(130, 2, 100, 0, 20)))
    said.note(Reading())
    said.hear("abc", heard, 0)
    assert said.used(21) == (Usage(130, output, 100, 0, 20), "estimated")


def test_an_input_of_nothing_is_not_said_yet() -> None:
    """Some servers tell all of it at the end."""
    said = Said()
    said.note(Reading(begun=Usage(0, 0, 0, 0)))
    assert said.used(21) == (Usage(21, 0, 0, 0), "estimated")


def test_the_providers_last_word_counts() -> None:
    """Whatever was heard."""
    said = Said()
    said.note(Reading(begun=Usage(130, 1, 100, 0)))
    said.note(Reading(usage=Usage(130, 5, 100, 0)))
    said.note(Reading(usage=Usage(131, 6, 100, 0)))
    said.hear("abc", 99, 0)
    assert said.used(21) == (Usage(131, 6, 100, 0), "provider")
