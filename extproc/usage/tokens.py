"""How many tokens a text is. For estimates and limits: what is billed is the provider's own count.

The framing of messages (a handful of tokens each) is not included. Special tokens written in a text are counted as the
text they are, since that is how a provider reads a caller's text. Safe to call from several threads.
"""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Final

from splintr import AnyTokenizer, Tokenizer

DEFAULT: Final = "o200k_base"  # for every model that is not in the table, the public names of a config included

# Beginning of a model's name, lower case and without the part before the last "/" -> vocabulary. The longest one wins.
VOCABULARIES: Final = {
    "gpt-": "o200k_base",
    "gpt-3.5": "cl100k_base",
    "gpt-4": "cl100k_base",
    "gpt-4o": "o200k_base",
    "gpt-4.1": "o200k_base",
    "gpt-4.5": "o200k_base",
    "gpt-oss": "gpt_oss",
    "text-embedding-3": "cl100k_base",
    "text-embedding-ada": "cl100k_base",
    "llama-2": "llama2",
    "llama2": "llama2",
    "llama-3": "llama3",
    "llama3": "llama3",
    "meta-llama-3": "llama3",
    "deepseek": "deepseek_v3",
    "qwen": "qwen3",
    "qwen2": "qwen2",
    "mistral": "mistral_v3",
    "mixtral": "mistral_v1",
    "gemma": "gemma3",
    "glm": "glm4",
    "kimi": "kimi_k2",
    "phi-4": "phi4",
}

_LONGEST: Final = max(map(len, VOCABULARIES))  # characters of a name that can matter: the caller may write any name
REMEMBERED: Final = 1_024  # beginnings of names

PIECE: Final = 65_536  # characters encoded at once: a long run of one letter costs more than linear time
EXACT: Final = 1_048_576  # characters of a text counted exactly; of longer ones, as many in evenly spread pieces


def count(text: str, model: str) -> int:
    """The tokens of `text` in the vocabulary of `model`.

    Exact up to 65,536 characters, to a token or two per further 65,536 up to a million; above that an estimate from a
    million characters spread over the text, so that no text takes longer than a fraction of a second.
    """
    tokenizer = _tokenizer(vocabulary(model))
    if len(text) <= PIECE:
        return len(tokenizer.encode_ordinary(text))
    counted = characters = 0
    for piece in _pieces(text):
        counted += len(tokenizer.encode_ordinary(piece))
        characters += len(piece)
    return counted if characters == len(text) else -(-counted * len(text) // characters)


def count_call(texts: Iterable[str], model: str) -> int:
    """The tokens of all `texts`. Many texts together are bounded like a single one of their length."""
    gathered = tuple(texts)
    if sum(map(len, gathered)) > EXACT:
        return count("\n".join(gathered), model)
    return sum(count(text, model) for text in gathered)


def vocabulary(model: str) -> str:
    """The name of the vocabulary that `model` is counted in."""
    return _vocabulary(model.rpartition("/")[2].lower()[:_LONGEST])


@lru_cache(maxsize=REMEMBERED)
def _vocabulary(name: str) -> str:
    for length in range(len(name), 0, -1):
        if name[:length] in VOCABULARIES:
            return VOCABULARIES[name[:length]]
    return DEFAULT


def _pieces(text: str) -> Iterator[str]:
    step = PIECE if len(text) <= EXACT else len(text) * PIECE // EXACT
    for start in range(0, len(text), step):
        yield text[start : start + PIECE]


@cache
def _tokenizer(name: str) -> AnyTokenizer:
    tokenizer = Tokenizer.from_pretrained(name)
    tokenizer.encode_ordinary("warm " * 20)  # compiles its pattern: the first text would wait for it
    return tokenizer
