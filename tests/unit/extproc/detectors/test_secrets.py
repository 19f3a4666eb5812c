"""Secrets: provider formats, assignments, what is none. Tokens are put together here: no scanner trips on them."""

import pytest

from extproc.detectors.scoring import secret_spans

BODY = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"
TOKENS = {
    "aws-access-key": "AKIA" + "Q3EGRKPZ5XW2NTMJ",
    "github-token": "ghp_" + BODY[:36],
    "gitlab-token": "glpat-" + BODY[:20],
    "slack-token": "xoxb-" + "123456789012-" + BODY[:24],
    "stripe-key": "sk_live_" + BODY[:24],
    "anthropic-key": "sk-ant-" + "api03-" + BODY,
    "openai-key": "sk-proj-" + BODY,
    "gcp-api-key": "AIza" + BODY[:35],
    "huggingface-token": "hf_" + BODY[:34],
    "npm-token": "npm_" + BODY[:36],
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + BODY,
}


@pytest.mark.parametrize("rule", TOKENS)
@pytest.mark.parametrize("frame", ["{}", "key: {} end", 'x = "{}"', "日本 `{}`, ok?"])
def test_a_providers_token_is_found_whole(rule: str, frame: str) -> None:
    """The stretch is the token and the rule its provider's, in any surroundings."""
    text = frame.format(TOKENS[rule])
    assert [(type_, text[start:end]) for start, end, type_ in secret_spans(text)] == [(rule, TOKENS[rule])]


def test_a_private_key_is_one_secret_over_all_its_lines() -> None:
    """From the first dash to the last."""
    pem = (
        "-----BEGIN RSA "
        + "PRIVATE KEY-----\n"
        + "\n".join([BODY, BODY[::-1]])
        + "\n-----END RSA "
        + "PRIVATE KEY-----"
    )
    text = f"Here:\n{pem}\nthanks"
    assert [text[start:end] for start, end, _ in secret_spans(text)] == [pem]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("postgres://app:Hunt3r-22x@db.internal:5432/x", "Hunt3r-22x"),
        ("password = Tr0ub4dor&3x", "Tr0ub4dor&3x"),
        ("api_key: '9f8a7b6c5d4e3f2a1b0c9d8e'", "9f8a7b6c5d4e3f2a1b0c9d8e"),
        ("export FOO_SECRET=kj34h5KJH345kjh34kJH", "kj34h5KJH345kjh34kJH"),
    ],
)
def test_an_assigned_value_is_found_without_its_name(text: str, value: str) -> None:
    """Only the value is the secret."""
    assert [text[start:end] for start, end, _ in secret_spans(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "api_key = os.environ['API_KEY']",
        "password: <your password>",
        "token = getToken(user)",
        "const apiKey = process.env.OPENAI_API_KEY",
        "password: ${DB_PASSWORD}",
        "AKIAIOSFODNN7EXAMPLE",
        "the token is expired",
        "commit b86d319230bccb0fa61c573fac05f70f3ca3edfd",
        "The primary key is composite",
        "postgres://user:password@localhost/db",
    ],
)
def test_code_placeholders_and_words_are_no_secrets(text: str) -> None:
    """What names a secret is none."""
    assert secret_spans(text) == []
