"""The detectors' tables as a page: `docs/detectors.md` is what `document()` gives, and a test holds it to that."""

from extproc.detectors.injection import ALL_RULES as INJECTION_RULES
from extproc.detectors.pii_numbers import ALL_RULES as PII_RULES
from extproc.detectors.secret_rules import SECRET_RULES

_HEAD = """# What the detectors look for

Generated from the tables in `extproc/detectors` (`python -m extproc.detectors.describe`); a test holds the two equal.

Texts are looked at one by one, each with its channel: `system`, `user`, `assistant`, `tool`, `document`. Disguises
are undone first: invisible characters, controls and blanks, compatibility forms, marks of any script on a plain letter,
characters of the tag block. For injections also look-alike letters, case, spacing, HTML, percent and JSON escapes,
base64 and hex (every run, three layers deep), ROT13, reversed, leet and shuffled letters. A text with more layers or
more disguises than are undone is not taken for clean: that is the finding `disguise.unread`, which scores 76 by itself.
What is redacted is the original stretch.

## What may touch a value

| value | directly beside it |
|---|---|
| any | `_`, commas and other signs, letters of other scripts than ASCII's |
| cards, IBANs, CPFs, Chinese resident ids, numbers with a check digit and a word near | letters too |
| tokens with an unmistakable prefix, such as `ghp_` and `glpat-` | letters too |
| addresses | anything: a local part of any length and the longest domain are taken |

A value is found although something like it stands in front of it or begins before it: a refused match is tried again
from its next character. A card beside letters, `_`, `-`, `+` or a point is found in the large networks' usual lengths.

## What is not found

- Names, postal addresses and dates.
- A paraphrase that uses none of the words below is not an injection to the detectors.
- Numbers without a word near them that says what they are, where a check digit alone would be wrong too often.
- A number without a check digit that touches ASCII letters or, by `-`, `.` or `/`, another number: `T536-90-4399`.
- A card inside a longer run of digits; as the fraction of a number that starts with `0.` or has other long fractions
  near, unless a word such as "card" stands before it; in a hexadecimal token; off the fours in a row of more than seven
  groups of four digits; with a sign after each digit.
- An IP address joined by `-` or `_` to a name or by a point to more digits: that is a version. A telephone number
  without `+` behind another number and a space.
- Personal data and secrets inside base64, hex, percent-encoding or spelt in words: only injections are decoded.
- ROT13, reversed, leet, spaced or shuffled letters on top of each other, where a long text has too many readings.

## Values to try

Numbers that were never issued or whose check digit is wrong, stand-ins for secrets and some well-known samples are not
found, on purpose. Samples that could be somebody's are: test cards, addresses at example.org. A test holds both
columns.

| type | found | not found, and why |
|---|---|---|
"""

_ANSWERS = """## Answers

With `out` beside `in`, what the model says and the caller did not send is looked at: personal data and secrets as
above, and two more. Ordinary words go out as they come; from the first word that could be part of something, text is
held until enough ordinary text follows it. Streamed and whole answers are read alike, in every field a model can write.

| type | what it is | confidence |
|---|---|---|
| `system-prompt` | a hundred letters of the call's system or developer message in a row | 90 |
| `image` | an address that clients fetch by themselves, with more than seven characters of data | 90 |
| `link` | any other address, with more than 47 characters of data | 70 |

Letters count whatever their case and what stands between them; a word may be changed here and there. Of a message of
60 to 125 letters four fifths are a leak; shorter ones are not looked for. Clients fetch by themselves the targets of
markdown images and of definitions of references, and sources and styles of HTML.

Data is what is no name made of words and small numbers: in the query, the fragment or the user part of an address, in a
part of its path or a label of its host. A placeholder of this gateway is always data. Hosts of `links.allow` may be
told anything, and so may those below them.

What is masked reads `[EMAIL_ADDRESS]`, `[SYSTEM_PROMPT]`, `[IMAGE]`: without a tag, for nothing comes back.
"""

# What a newcomer types: rule, a text in which it is found, a text in which it is not, why not.
SAMPLES = (
    ("EMAIL_ADDRESS", "jo@example.org", "jo@localhost", "no domain"),
    ("CREDIT_CARD", "4111 1111 1111 1111", "4111 1111 1111 1112", "check digit"),
    ("CREDIT_CARD", "12,4111111111111111,3", "0.4111111111111111", "a fraction, as far as anyone can tell"),
    ("CREDIT_CARD", "id_4111111111111111x", "a1b2c34111111111111111f0", "in a hexadecimal token"),
    ("IBAN_CODE", "GB82 WEST 1234 5698 7654 32", "GB83 WEST 1234 5698 7654 32", "check digits"),
    ("US_SSN", "536-90-4399", "123-45-6789", "a well-known sample, as are 078-05-1120 and 219-09-9999"),
    ("US_SSN", "ssn 536904399", "536904399", "bare digits, and no word that says what they are"),
    ("PHONE_NUMBER", "(212) 555-0123", "555-0123", "no area code, and no word that says what it is"),
    ("PHONE_NUMBER", "call 555-0123", "4155552671", "bare digits, and no word that says what they are"),
    ("IP_ADDRESS", "192.0.2.1", "300.0.2.1", "no address"),
    ("UK_NINO", "AB123456C", "QQ123456C", "a prefix that is never issued"),
    ("UK_NHS", "NHS number 943 476 5919", "943 476 5919", "no word that says what it is"),
    ("aws-access-key", "AKIAZ7QX4MTR2WLKD5VB", "AKIAIOSFODNN7EXAMPLE", "it says `EXAMPLE`"),
    ("github-token", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_" + "x" * 36, "not random"),
    ("password", "password: hunter2", "password: your_password", "a stand-in"),
)


def document() -> str:
    """The page, ending in a newline."""
    return _HEAD + "\n".join([*_samples(), "", *_injection(), "", *_personal_data(), "", *_secrets(), "", _ANSWERS])


def _samples() -> list[str]:
    return [f"| `{type_}` | `{found}` | `{other}`: {why} |" for type_, found, other, why in SAMPLES]


def _injection() -> list[str]:
    rows: dict[str, tuple[str, int, int]] = {}
    for rule in INJECTION_RULES:
        family, weight, data = rows.get(rule.id, (rule.family, 0, 0))
        rows[rule.id] = (family, max(weight, rule.weight), max(data, rule.data_weight))
    lines = [
        "## Prompt injection",
        "",
        "The score is 0-100. Evidence of one family counts once (each tool abuse by itself); families combine as",
        "independent evidence; a combined weight of 50 is a score of 70, the default threshold. Words in quotation",
        'marks or behind "attacks such as", in a text about attacks, count a quarter. System prompts are not scored.',
        "",
        "| rule | family | weight: user, assistant | weight: tool, document |",
        "|---|---|---|---|",
    ]
    return lines + [f"| `{id_}` | {family} | {weight} | {data} |" for id_, (family, weight, data) in rows.items()]


def _personal_data() -> list[str]:
    lines = [
        "## Personal data",
        "",
        "| type | checked by | needs a word near it | confidence |",
        "|---|---|---|---|",
    ]
    rows: dict[str, list[tuple[str, bool, int]]] = {}
    for rule in PII_RULES:
        name = rule.valid.__name__ if rule.valid is not None else ""
        check = "its form" if not name else f"`{name}`"
        rows.setdefault(rule.type, []).append((check, rule.context is not None, rule.score))
    for type_, forms in rows.items():
        checks = ", ".join(dict.fromkeys(check for check, _, _ in forms))
        needs = {context for _, context, _ in forms}
        words = "always" if needs == {True} else "never" if needs == {False} else "in its bare form"
        lines.append(f"| `{type_}` | {checks} | {words} | {max(score for _, _, score in forms)} |")
    return lines


def _secrets() -> list[str]:
    lines = ["## Secrets", "", "| rule | recognised by | confidence |", "|---|---|---|"]
    rows: dict[str, tuple[bool, int]] = {}
    for rule in SECRET_RULES:
        assigned, score = rows.get(rule.id, (rule.assigned, 0))
        rows[rule.id] = (assigned, max(score, rule.score))
    for id_, (assigned, score) in rows.items():
        how = "the words around it, and its randomness" if assigned else "its own format"
        lines.append(f"| `{id_}` | {how} | {score} |")
    return lines


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - this is what the command is for
