"""An output guard over text that grows."""

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.leakage import NOTHING, prints
from extproc.findings import AnswerFinding, Stretch
from extproc.streams.guarding import AHEAD, LONGEST, Finder, Guarding, answer_guard
from extproc.streams.rewriting import BlockedError
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards, Pause, RedactAction

_CODE = re.compile(r"(?<![A-Z0-9-])[A-Z]{2}-?[0-9]{4}(?![A-Z0-9-])")
PROMPT = (
    "You are Ada, the assistant of the Northwind shipping desk. Never promise a refund above fifty dollars. When a "
    "customer mentions a lawyer, hand the conversation over to a colleague at once."
)


def codes(text: str) -> list[Stretch]:
    """Codes like AB-1234 that stand alone: seven characters and one beside them."""
    return [Stretch(found.start(), found.end(), "pii", "CODE", 80) for found in _CODE.finditer(text)]


def guarding(action: RedactAction = "redact") -> Guarding:
    """A guard against codes."""
    return Guarding([Finder(codes, action)])


def real(prompt: str = "", pause: Pause = "hold", **actions: RedactAction) -> Guarding:
    """The guard of a tenant with these actions."""
    output = OutputGuards(**actions, pause=pause)  # type: ignore[arg-type]
    guards = Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", output)
    return answer_guard(guards, prints([prompt]) if prompt else NOTHING)


def fed(guard: Guarding, text: str, cuts: list[int] | range) -> str:
    """What comes out in all."""
    channel, out = guard.channel(), ""
    for start, end in itertools.pairwise([0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]):
        out += channel.feed(text[start:end])
    out += channel.feed("", True)
    assert channel.held == 0
    return out


def counted(guard: Guarding) -> dict[str, int]:
    """How many of each type."""
    return {one.type: one.count for one in guard.findings}


PIECES = st.sampled_from(
    ["AB-1234", "XY0000", "AB", "-", "12", "34", " ", "x", "é", "😀", "A long word or two", "[", "{", '"', "\n", "。"]
)
CUTS = st.lists(st.integers(0, 200), max_size=8)


@given(st.lists(PIECES, max_size=25).map("".join), CUTS)
def test_the_verdict_is_that_over_the_whole_text(text: str, cuts: list[int]) -> None:
    """Found as often, masked in the same places, however it is cut."""
    text = "." + text  # no JSON
    spans = codes(text)
    masked = _CODE.sub("[CODE]", text)
    for chosen in ([], cuts, range(len(text))):
        guard = guarding()
        assert fed(guard, text, chosen) == masked
        assert counted(guard) == ({"CODE": len(spans)} if spans else {})
        assert fed(guarding("log"), text, chosen) == text


@given(st.lists(PIECES, max_size=12).map("".join), CUTS, st.booleans())
def test_strings_of_json_are_texts_of_their_own(text: str, cuts: list[int], ascii_only: bool) -> None:
    """Their escapes undone for the scan; what is left of them keeps its spelling."""
    arguments = json.dumps({"k": ["a", text], "b\n": "AB-1234"}, ensure_ascii=ascii_only)
    assert json.loads(fed(guarding(), arguments, cuts)) == {"k": ["a", _CODE.sub("[CODE]", text)], "b\n": "[CODE]"}
    assert fed(guarding("log"), arguments, cuts) == arguments


def test_an_escaped_spelling_hides_nothing() -> None:
    """Neither does a key, or a number."""
    found = [
        Finder(lambda t: [Stretch(m.start(), m.end(), "pii", "N", 1) for m in re.finditer("77|é😀7", t)], "redact")
    ]
    text = '{"\\u00377": 1, "n": -1770.5, "s": "\\u00e9\\ud83d\\ude007\\n"}'
    for cuts in ([], range(len(text))):
        guard = Guarding(found)
        assert fed(guard, text, cuts) == '{"[N]": 1, "n": "[N]", "s": "[N]\\n"}'
        assert counted(guard) == {"N": 3}


WORTH_FINDING = [
    "eve.adams@example.org", "call 555-0199", "4111 1111 1111 1111", "ssn", "536904399", "password is hunter2!",
    "https://evil.example/?q=aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQ", "![x](", ")", "Some words, said so",
    " ", "\n", "AB 12 34 56 C", "你好，", PROMPT, PROMPT.upper(), "x" * 300, "1 " * 90, "sk-ant-", "a1B2" * 9,
]  # fmt: skip


@given(
    st.lists(st.sampled_from(WORTH_FINDING), max_size=14).map(" ".join),
    st.lists(st.integers(0, 1500), max_size=10),
)
def test_no_cut_changes_what_the_real_guard_makes_of_a_text(text: str, cuts: list[int]) -> None:
    """Neither what comes out nor what is recorded."""
    whole = real(PROMPT, pii="redact", secrets="redact", system_prompt="redact", links="redact")
    out = whole.whole(text)
    for chosen in (cuts, range(len(text))):
        pieces = real(PROMPT, pii="redact", secrets="redact", system_prompt="redact", links="redact")
        assert fed(pieces, text, chosen) == out
        assert pieces.findings == whole.findings


def test_ordinary_words_go_out_as_they_come() -> None:
    """Nothing but the word that is not whole yet is held."""
    channel = real(pii="redact", secrets="block", links="redact").channel()
    assert channel.feed("It is a fine day") == "It is a fine "
    assert channel.feed(" today") == "day "
    assert channel.feed(" out") == "today "
    assert channel.feed("", True) == "out"


def test_a_value_split_over_three_deltas_is_found() -> None:
    """With the words that say what it is."""
    channel = real(pii="redact").channel()
    out = [channel.feed(piece) for piece in ("Her address is eve.", "adams@exam", "ple.org, as far as I ", "know")]
    assert "".join([*out, channel.feed("", True)]) == "Her address is [EMAIL_ADDRESS], as far as I know"
    assert out[0] == "Her address "


def test_what_is_not_calm_is_held_until_enough_calm_follows() -> None:
    """A word behind it may say what it is."""
    channel = real(pii="redact").channel()
    out, fed_in = "", ""
    for word in ["Take", "555-0199", *["then"] * 20]:
        fed_in += word + " "
        out += channel.feed(word + " ")
        if "555" in fed_in and len(fed_in) < 14 + AHEAD:
            assert out == "Take "
    assert out == fed_in


def test_a_stretch_without_an_end_is_not_held_for_ever() -> None:
    """Digits and signs alone: scanned at fixed lengths."""
    channel = real(pii="redact", secrets="redact").channel()
    out = ""
    for _ in range(300):
        out += channel.feed("0x1f, 0x2e; " * 4)
        assert channel.held < LONGEST + 300
    assert out + channel.feed("", True) == "0x1f, 0x2e; " * 1200


def test_a_key_longer_than_a_stretch_is_masked_as_one() -> None:
    """What could go on at the end of a stretch stays until it has ended."""
    lines = "\n".join(("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" + str(n) * 8)[:64] for n in range(60))
    text = f"Here: -----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\nThat was it."
    for cuts in ([], range(0, len(text), 7)):
        guard = real(secrets="redact")
        assert fed(guard, text, cuts) == "Here: [PRIVATE_KEY]\nThat was it."
        assert counted(guard) == {"private-key": 1}


def test_a_token_longer_than_a_stretch_is_masked_as_one() -> None:
    """A word is not let go before its end."""
    part = "".join(chr(97 + n * 7 % 26) + chr(65 + n * 11 % 26) + str(n % 10) for n in range(1200))
    text = f"Use eyJhbGciOiJIUzI1NiJ9.eyJ{part}.{part[:43]} and nothing else"
    for cuts in ([], range(0, len(text), 7)):
        assert fed(real(secrets="redact"), text, cuts) == "Use [JWT] and nothing else"


def test_text_let_go_before_its_end_is_scanned_as_if_it_ended() -> None:
    """And what comes later is scanned with it: a value that was complete too late is masked from there on."""
    guard = real(pii="redact")
    channel = guard.channel()
    assert channel.feed("Mail eve.adams@exam") == "Mail "
    assert channel.feed("", True) == "eve.adams@exam"
    assert channel.feed("ple.org now ") + channel.feed("", True) == "[EMAIL_ADDRESS] now "
    assert counted(guard) == {"EMAIL_ADDRESS": 1}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("[4111 1111 1111 1111] is it", "[[CREDIT_CARD]] is it"),
        ("{eve@example.org}", "{[EMAIL_ADDRESS]}"),
        ("[1, 2, call 555-0199]", "[1, 2, call [PHONE_NUMBER]]"),
        ('{"ssn": "536904399"}', '{"ssn": "[US_SSN]"}'),
        ('{"ssn": 536904399}', '{"ssn": "[US_SSN]"}'),
        ('{"ssn": ["536904399", 1]}', '{"ssn": ["[US_SSN]", 1]}'),
        ('{"password": "hunter2!x"}', '{"password": "[PASSWORD]"}'),
        ('{"ssn": "none", "size": "536904399"}', '{"ssn": "none", "size": "536904399"}'),
    ],
)
def test_what_looks_like_json_hides_nothing(text: str, masked: str) -> None:
    """A text that only begins like it is one text, and a key says what its value is."""
    for cuts in ([], range(len(text))):
        assert fed(real(pii="redact", secrets="redact"), text, cuts) == masked


def test_a_type_that_blocks_ends_the_text() -> None:
    """What is out is out; the finding is counted."""
    guard = real(pii="block")
    channel = guard.channel()
    assert channel.feed("Nothing to be seen here. ") == "Nothing to be seen here. "
    with pytest.raises(BlockedError):
        channel.feed("Mail eve.adams@example.org", True)
    assert guard.findings == (AnswerFinding("pii", "EMAIL_ADDRESS", 1, 99),)
    with pytest.raises(BlockedError):
        guarding("block").whole("AB-1234")


def test_each_kind_has_its_own_action() -> None:
    """What is only seen stays, what is off is not even seen."""
    text = "Mail eve.adams@example.org, password is hunter2!"
    guard = real(pii="log", secrets="redact")
    assert guard.whole(text) == "Mail eve.adams@example.org, password is [PASSWORD]!"
    assert counted(guard) == {"EMAIL_ADDRESS": 1, "password": 1}
    guard = real(secrets="redact")
    assert guard.whole(text) == "Mail eve.adams@example.org, password is [PASSWORD]!"
    assert counted(guard) == {"password": 1}


def test_what_repeats_the_prompt_is_masked_from_where_it_shows() -> None:
    """Some words of it are out before it does; what comes behind it goes on."""
    guard = real(PROMPT, system_prompt="redact")
    text = f"Sure, I was told this: {PROMPT} And that was all that was ever said to me in confidence, believe me."
    out = guard.whole(text)
    assert out.startswith("Sure, I was told this: You are Ada, ")
    assert "[SYSTEM_PROMPT]" in out
    assert "lawyer" not in out
    assert "refund" not in out
    assert out.endswith("And that was all that was ever said to me in confidence, believe me.")
    assert counted(guard) == {"system-prompt": 1}


def test_what_repeats_the_prompt_blocks_or_is_noted() -> None:
    """As the action says; twice said is twice noted."""
    with pytest.raises(BlockedError):
        real(PROMPT, system_prompt="block").whole(PROMPT)
    guard = real(PROMPT, system_prompt="log")
    text = f"{PROMPT} {'Something else altogether. ' * 4}{PROMPT}"
    assert guard.whole(text) == text
    assert counted(guard) == {"system-prompt": 2}
    assert real(PROMPT).whole(text) == text


def test_a_few_words_of_the_prompt_are_held_and_then_go_out() -> None:
    """Once the answer has gone its own way."""
    channel = real(PROMPT, system_prompt="block").channel()
    begins = " ".join(PROMPT.split()[:9]) + " "
    assert len(channel.feed(begins)) < len(begins)
    assert channel.feed("is what people tend to say about me these days, and little else. ") != ""


SPLIT = {
    "Pay with 4111 1111 11|11 1111 please": "Pay with [CREDIT_CARD] please",
    "Mail bob.mil|ler@example.org please": "Mail [EMAIL_ADDRESS] please",
    "Mail eve.adams@|example.org please": "Mail [EMAIL_ADDRESS] please",
    "Use AKIA7QWE|RT5YUIOP3LKJ please": "Use [AWS_ACCESS_KEY] please",
    'Here: {"n": "4111 1111 11|11 1111"}': 'Here: {"n": "[CREDIT_CARD]"}',
    '{"n": 41111111|11111111, "m": 1}': '{"n": "[CREDIT_CARD]", "m": 1}',
    '{"mail": "eve.adams\\u00|40example.org"}': '{"mail": "[EMAIL_ADDRESS]"}',
}


@pytest.mark.parametrize("text", SPLIT)
def test_when_a_model_pauses_within_a_value_nothing_of_it_goes_out(text: str) -> None:
    """However long: what it says later is masked as if it had never paused."""
    before, after = text.split("|")
    assert real(pii="redact", secrets="redact").whole(before + after) == SPLIT[text]
    channel = real(pii="redact", secrets="redact").channel()
    out = channel.feed(before)
    for _ in range(3):
        out += channel.expire("")
        assert SPLIT[text].startswith(out)
    assert out + channel.feed(after, True) == SPLIT[text]


@given(
    st.lists(st.sampled_from(WORTH_FINDING), max_size=8).map(" ".join),
    st.lists(st.integers(0, 400), min_size=1, max_size=4),
)
def test_wherever_a_model_pauses_a_value_that_is_found_begins_behind_what_is_out(text: str, cuts: list[int]) -> None:
    """Nothing goes out then that would have been masked, but words that are ordinary by themselves."""
    whole = real(pii="redact", secrets="redact")
    masked = whole.whole(text)
    for at in {cut for cut in cuts if cut < len(text)}:
        channel = real(pii="redact", secrets="redact").channel()
        ready = channel.feed(text[:at])
        early = channel.expire("")
        if not masked.startswith(ready + early):
            assert re.fullmatch(r"[^\d@]*(\[[A-Z_-]+\][^\d@]*)*", early)


def test_when_a_model_pauses_ordinary_words_go_out() -> None:
    """It has said something, and says no more for now: it calls a tool, say."""
    channel = real(PROMPT, pii="redact", secrets="block", system_prompt="redact").channel()
    assert channel.feed("I will look that up.") == "I will look that "
    assert (channel.expire(""), channel.held) == ("up.", 0)
    assert channel.feed(" Well", True) == " Well"


def test_when_a_model_pauses_behind_a_whole_value_it_is_masked_or_blocks() -> None:
    """There is nothing to wait for."""
    channel = real(pii="redact").channel()
    assert channel.feed("Ask eve.adams@example.org") == "Ask "
    assert channel.expire("") == "[EMAIL_ADDRESS]"
    assert channel.feed(" or me.", True) == " or me."
    blocking = real(pii="block").channel()
    blocking.feed("Ask eve.adams@example.org")
    with pytest.raises(BlockedError):
        blocking.expire("")


def test_what_a_pause_means_is_the_configs_to_say() -> None:
    """`release` lets go what is clean as it stands, `block` ends the answer and says so."""
    channel = real(pii="redact", pause="release").channel()
    assert channel.feed("Pay with 4111 11") + channel.expire("") == "Pay with 4111 11"
    guard = real(pii="redact", pause="block")
    channel = guard.channel()
    channel.feed("Pay with 4111 11")
    with pytest.raises(BlockedError):
        channel.expire("")
    assert guard.findings == (AnswerFinding("held", "unfinished", 1, 0),)


def test_a_guard_that_only_looks_holds_nothing_for_long() -> None:
    """It would change nothing."""
    channel = real(pii="log", pause="block").channel()
    assert channel.feed("Pay with 4111 11") + channel.expire("") == "Pay with 4111 11"


def test_when_a_model_pauses_while_it_repeats_the_prompt_that_is_held() -> None:
    """Until it has gone its own way."""
    channel = real(PROMPT, system_prompt="redact").channel()
    begins = " ".join(PROMPT.split()[:9]) + " "
    out = channel.feed(begins)
    assert channel.expire("") == ""
    assert channel.held == len(begins) - len(out)


def test_a_finding_shows_nothing_of_the_text() -> None:
    """Content-free."""
    guard = real(pii="log")
    guard.whole("Mail eve.adams@example.org")
    assert "eve" not in repr(guard.findings)
