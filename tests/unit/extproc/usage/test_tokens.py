"""Tokens are counted in the model's vocabulary, and hostile texts take no longer than a fraction of a second."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from extproc.usage.tokens import EXACT, PIECE, VOCABULARIES, count, count_call, vocabulary


@pytest.mark.parametrize(
    ("text", "model", "tokens"),
    [
        ("", "gpt-4o", 0),
        ("hello world", "gpt-4o", 2),
        ("hello world", "gpt-4", 2),
        ("tiktoken is great!", "gpt-4o", 6),
        ("tiktoken is great!", "gpt-3.5-turbo", 6),
        ("お誕生日おめでとう", "gpt-4o", 8),
        ("お誕生日おめでとう", "gpt-4", 9),
    ],
)
def test_known_texts_have_known_counts(text: str, model: str, tokens: int) -> None:
    """The counts that OpenAI's own documentation gives for its tokenizer."""
    assert count(text, model) == tokens


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-4.1", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama3"),
        ("openai/gpt-oss-120b", "gpt_oss"),
        ("Qwen/Qwen2.5-7B", "qwen2"),
        ("fast", "o200k_base"),
        ("", "o200k_base"),
    ],
)
def test_the_vocabulary_of_a_model(model: str, name: str) -> None:
    """By the longest known beginning of its name; unknown names count as o200k."""
    assert vocabulary(model) == name


def test_every_vocabulary_of_the_table_exists() -> None:
    """A misspelt one would fail on the first request for its model."""
    assert all(count("hello world", model) >= 2 for model in VOCABULARIES)


@pytest.mark.parametrize("text", ["<|endoftext|>", "<|im_start|>", "<|start_header_id|>"])
@pytest.mark.parametrize("model", ["gpt-4o", "llama-3", "qwen"])
def test_special_tokens_in_a_text_are_text(text: str, model: str) -> None:
    """Whoever writes them in a prompt pays for their letters."""
    assert count(text, model) > 2


@pytest.mark.parametrize("text", ["a" * 1_000_000, " " * 1_000_000, "!" * 1_000_000, "\n" * 1_000_000, "漢" * 500_000])
def test_hostile_texts_take_bounded_time(text: str) -> None:
    """A run of one character is the worst case of the merging algorithm."""
    count("warm", "gpt-4o")
    began = time.perf_counter()
    assert count(text, "gpt-4o") > 0
    assert time.perf_counter() - began < 2.0


def test_texts_beyond_the_exact_limit_are_estimated() -> None:
    """From pieces all over the text, so that the beginning does not speak for the rest."""
    text = "hello there " * (EXACT // 4)
    began = time.perf_counter()
    estimate = count(text, "gpt-4o")
    assert time.perf_counter() - began < 2.0
    assert estimate == pytest.approx(len(text) / 6, rel=0.02)


def test_pieces_cost_at_most_a_token_or_two_each() -> None:
    """Cutting a text changes its count only at the cuts."""
    words = "several ordinary words " * 1_000
    text = words * 6
    assert PIECE < len(text) < EXACT
    assert count(text, "gpt-4o") == pytest.approx(6 * count(words, "gpt-4o"), abs=2 * (len(text) // PIECE + 1) + 6)


def test_a_call_is_the_sum_of_its_texts() -> None:
    """Many texts together are bounded like a single one."""
    assert count_call(["hello world", "", "hello world"], "gpt-4o") == 4
    assert count_call([], "gpt-4o") == 0
    assert count_call(["hello there " * 10_000] * 30, "gpt-4o") == pytest.approx(600_000, rel=0.02)


def test_threads_agree_on_their_counts() -> None:
    """One tokenizer serves them all."""
    texts = [f"text number {n} " * 50 for n in range(50)]
    expected = [count(text, "gpt-4o") for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: count(text, "gpt-4o"), texts)) == expected
