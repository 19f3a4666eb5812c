# ruff: noqa: E501 - a table row is one line
"""The table of secrets: providers' token formats by their published prefixes, and assignments of anything secret.

The patterns are our own, from the providers' documentation of what their tokens look like.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretRule:
    """One token format. `group` = the part of an exact match that is the secret; `entropy` = bits per character."""

    id: str
    trigger: bytes
    exact: re.Pattern[str]
    score: int
    before: int  # how far before the trigger's end a match may start
    after: int  # how far behind it a match may end
    caseless: bool = False
    group: int = 0
    entropy: float = 0.0
    assigned: bool = False  # a value named secret by the words around it: see secrets.py for what is no value


# id, what every such token starts with (the trigger), what follows, score
_PREFIXED: tuple[tuple[str, str, str, int], ...] = (
    ("aws-access-key", r"(?:AKIA|ASIA|ABIA|ACCA)", r"[A-Z2-7]{16}", 97),
    ("aws-bedrock-key", r"ABSK", r"[A-Za-z0-9+/]{100,140}={0,2}", 98),
    ("aws-bedrock-key", r"bedrock-api-key-", r"[A-Za-z0-9+/=]{20,2000}", 98),
    ("gcp-api-key", r"AIza", r"[\w-]{35}", 97),
    ("gcp-oauth-secret", r"GOCSPX-", r"[\w-]{20,40}", 98),
    ("gcp-oauth-token", r"ya29\.", r"[\w-]{20,400}", 95),
    ("github-token", r"gh[oprsu]_", r"[A-Za-z0-9]{36,255}", 99),
    ("github-fine-grained-token", r"github_pat_", r"\w{40,100}", 99),
    ("gitlab-token", r"gl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|soat|oas|ffct|rtr)-", r"[\w.-]{16,100}", 98),
    ("gitlab-runner-token", r"GR1348941", r"[\w-]{20}", 97),
    ("slack-token", r"xox[abeoprs]-", r"[A-Za-z0-9.-]{10,250}", 98),
    ("slack-app-token", r"xapp-", r"\d-[A-Z0-9]{8,14}-\d{8,20}-[a-z0-9]{20,200}", 98),
    ("slack-config-token", r"xoxe\.xox[bp]-", r"\d-[A-Za-z0-9]{100,250}", 98),
    ("stripe-key", r"[prs]k_(?:live|test|prod)_", r"[A-Za-z0-9]{10,128}", 97),
    ("stripe-webhook-secret", r"whsec_", r"[A-Za-z0-9+/=]{24,80}", 97),
    ("openai-key", r"sk-(?:proj|svcacct|admin|None)-", r"[\w-]{20,250}", 98),
    ("openai-key", r"sk-", r"(?:[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|[A-Za-z0-9]{48,64})", 96),
    ("anthropic-key", r"sk-ant-", r"[\w-]{20,200}", 99),
    ("openrouter-key", r"sk-or-", r"v\d-[0-9a-f]{40,80}", 98),
    ("langfuse-key", r"[ps]k-lf-", r"[0-9a-f-]{30,40}", 96),
    ("huggingface-token", r"(?:hf_|api_org_)", r"[A-Za-z0-9]{34,40}", 97),
    ("groq-key", r"gsk_", r"[A-Za-z0-9]{40,64}", 98),
    ("xai-key", r"xai-", r"[A-Za-z0-9]{60,100}", 98),
    ("perplexity-key", r"pplx-", r"[A-Za-z0-9]{32,64}", 98),
    ("replicate-token", r"r8_", r"[A-Za-z0-9]{32,44}", 96),
    ("nvidia-key", r"nvapi-", r"[\w-]{40,80}", 98),
    ("langsmith-key", r"lsv2_(?:pt|sk)_", r"[0-9a-f]{32}_[0-9a-f]{10}", 98),
    ("npm-token", r"npm_", r"[A-Za-z0-9]{36}", 98),
    ("pypi-token", r"pypi-AgE", r"[\w-]{50,1000}", 99),
    ("rubygems-key", r"rubygems_", r"[0-9a-f]{48}", 98),
    ("clojars-token", r"CLOJARS_", r"[0-9a-z]{60}", 98),
    ("docker-token", r"dckr_(?:pat|oat)_", r"[\w-]{20,40}", 98),
    ("sendgrid-key", r"SG\.", r"[\w=.-]{16,32}[.][\w=.-]{20,64}", 96),
    ("mailgun-key", r"(?:pub)?key-", r"[0-9a-f]{32}", 90),
    ("mailchimp-key", r"", r"[0-9a-f]{32}-us\d{1,2}", 95),
    ("twilio-key", r"SK", r"[0-9a-fA-F]{32}", 85),
    ("discord-token", r"[MNO][A-Za-z0-9_-]{23,27}\.", r"[\w-]{6}\.[\w-]{27,40}", 93),
    ("discord-webhook", r"https://(?:\w{1,10}\.)?discord(?:app)?\.com/api/webhooks/", r"\d{15,22}/[\w-]{40,90}", 97),
    ("slack-webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/", r"[A-Za-z0-9+/_-]{30,80}", 96),
    ("teams-webhook", r"https://\w{1,40}\.webhook\.office\.com/webhookb2/", r"[\w@/-]{60,200}", 96),
    ("digitalocean-token", r"do[opr]_v1_", r"[0-9a-f]{64}", 99),
    ("shopify-token", r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}", 98),
    ("square-token", r"(?:EAAA|sq0atp-|sq0csp-)", r"[\w-]{22,64}", 90),
    ("doppler-token", r"dp\.(?:pt|ct|st|sa|scim|audit)\.", r"[A-Za-z0-9_.-]{30,70}", 97),
    ("duffel-token", r"duffel_(?:test|live)_", r"[\w=-]{30,60}", 97),
    ("dynatrace-token", r"dt0[a-z]\d{2}\.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}", 98),
    ("easypost-key", r"EZ[AT]K", r"[A-Za-z0-9]{54}", 97),
    ("flutterwave-key", r"FLW(?:SECK|PUBK)_(?:TEST-|LIVE-)?", r"[0-9a-hA-H]{12,32}(?:-X)?", 95),
    ("frameio-token", r"fio-u-", r"[\w=-]{50,70}", 97),
    ("grafana-token", r"(?:glsa_|glc_|eyJrIjoi)", r"[A-Za-z0-9+/_=]{30,400}", 95),
    ("heroku-key", r"HRKU-", r"[\w-]{36,64}", 97),
    ("hubspot-token", r"pat-(?:na|eu)\d-", r"[0-9a-f-]{36}", 98),
    ("linear-key", r"lin_(?:api|oauth)_", r"[A-Za-z0-9]{32,64}", 98),
    ("lob-key", r"(?:live|test)_(?:pub_)?", r"[0-9a-f]{31,35}", 90),
    ("new-relic-key", r"NR(?:AK|JS|II|RA|AA)-", r"[A-Za-z0-9-]{19,44}", 96),
    ("notion-token", r"(?:ntn_|secret_)", r"[A-Za-z0-9]{43,50}", 92),
    ("planetscale-token", r"pscale_(?:tkn|oauth|pw)_", r"[\w=.-]{30,64}", 98),
    ("postman-key", r"PMAK-", r"[0-9a-fA-F]{24}-[0-9a-fA-F]{34}", 98),
    ("prefect-key", r"pn[ub]_", r"[A-Za-z0-9]{36}", 95),
    ("pulumi-token", r"pul-", r"[0-9a-f]{40}", 97),
    ("readme-key", r"rdme_", r"[a-z0-9]{70}", 97),
    ("sentry-token", r"sntry[su]_", r"[A-Za-z0-9+/=_]{50,400}", 98),
    ("settlemint-token", r"sm_(?:aat|pat|sat)_", r"[A-Za-z0-9]{16}", 94),
    ("supabase-token", r"sb(?:p|_secret)_", r"[A-Za-z0-9_]{20,60}", 95),
    ("terraform-token", r"[A-Za-z0-9]{14}\.atlasv1\.", r"[\w=-]{60,75}", 99),
    ("vault-token", r"hv[sbr]\.", r"[\w-]{24,300}", 96),
    ("telegram-token", r"\d{5,16}:A", r"[\w-]{34}", 95),
    ("yandex-key", r"(?:AQVN|YC)", r"[\w-]{35,38}", 88),
    ("alibaba-key", r"LTAI", r"[A-Za-z0-9]{17,26}", 94),
    ("tencent-key", r"AKID", r"[A-Za-z0-9]{32}", 94),
    ("airtable-token", r"pat[A-Za-z0-9]{14}\.", r"[0-9a-f]{64}", 99),
    ("atlassian-token", r"ATATT3", r"[\w=-]{150,250}", 99),
    ("bitbucket-token", r"ATBB", r"[\w=]{24,40}", 94),
    ("artifactory-key", r"AKC[a-zA-Z0-9]", r"[A-Za-z0-9]{60,80}", 94),
    ("artifactory-reference-token", r"cmVmdGtu", r"[A-Za-z0-9]{50,60}", 96),
    ("authress-key", r"(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-]", r"[A-Za-z0-9-]{10,32}\.[\w+/=-]{30,120}", 98),
    ("azure-client-secret", r"[A-Za-z0-9_~.]{3}\dQ~", r"[\w.~-]{31,34}", 95),
    ("databricks-token", r"dapi", r"[0-9a-f]{32}(?:-\d)?", 97),
    ("defined-networking-token", r"dnkey-", r"[\w=-]{26}-[\w=-]{52}", 98),
    ("clickhouse-key", r"4b1d", r"[A-Za-z0-9]{38}", 88),
    ("1password-secret-key", r"A3-", r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}", 97),
    ("1password-service-token", r"ops_eyJ", r"[A-Za-z0-9+/=_-]{250,2000}", 99),
    ("age-secret-key", r"AGE-SECRET-KEY-1", r"[A-Z0-9]{58}", 99),
    ("maxmind-key", r"[A-Za-z0-9]{6}_", r"[A-Za-z0-9]{29}_mmk", 97),
    ("mapbox-token", r"(?:pk|sk|tk)\.", r"[A-Za-z0-9]{60,100}\.[\w-]{20,32}", 93),
    ("facebook-token", r"EAA[A-Z]", r"[A-Za-z0-9]{60,250}", 92),
    ("facebook-app-token", r"\d{15,16}(?:\||%7C)", r"[\w-]{26,40}", 92),
    ("openshift-token", r"sha256~", r"[\w-]{43}", 96),
    ("jwt", r"ey[A-Za-z0-9_-]{10,2000}\.ey", r"[A-Za-z0-9_/-]{10,4000}\.[A-Za-z0-9_/-]{10,1000}={0,2}", 93),
    ("gitlab-session", r"_gitlab_session=", r"[0-9a-z]{32}", 94),
    ("adafruit-key", r"aio_", r"[A-Za-z0-9]{28}", 94),
    ("figma-token", r"fig[dou]r?_", r"[\w-]{36,64}", 94),
    ("adobe-secret", r"p8e-", r"[A-Za-z0-9]{32}", 95),
    ("contentful-token", r"CFPAT-", r"[\w-]{40,50}", 97),
    ("cloudinary-url", r"cloudinary://", r"\d{10,20}:[\w-]{20,40}@[\w-]{2,40}", 97),
    ("infracost-key", r"ico-", r"[A-Za-z0-9]{32}", 93),
    ("polygon-private-key", r"\"d\" ?: ?\"", r"[\w-]{43}(?=\")", 80),
)  # fmt: skip


# Prefixes that nothing else looks like: such a token may follow a word directly, and be followed by one.
_TELLING_IDS = (
    "github-token github-fine-grained-token gitlab-token slack-token stripe-key anthropic-key npm-token pypi-token "
    "openrouter-key nvidia-key digitalocean-token terraform-token airtable-token databricks-token sentry-token "
    "postman-key shopify-token hubspot-token groq-key gitlab-session docker-token langsmith-key"
)
_TELLING = frozenset(_TELLING_IDS.split())


def _longest(prefix: str) -> int:
    """A bound on the length of what a prefix pattern matches: its own length and every upper repeat in it."""
    return len(prefix) + sum(int(n) for n in re.findall(r"(\d+)\}", prefix))


def _prefixed(id_: str, prefix: str, rest: str, score: int) -> SecretRule:
    limit = _longest(rest) + 8
    head = re.match(r".*?\{(\d+)", rest)
    # The trigger is the prefix and one class of what follows; a token without a prefix is triggered by all of it.
    trigger = (prefix or rest).encode()
    lookbehind = "" if id_ in _TELLING else r"(?<![A-Za-z0-9])"
    end = "" if head is None or id_ in _TELLING else r"(?![A-Za-z0-9])"
    return SecretRule(
        id_, trigger, re.compile(f"{lookbehind}{prefix}{rest}{end}"), score, _longest(prefix or rest) + 2, limit
    )


# Words that name a secret, as the left side of an assignment or before a value in a sentence.
_NAME = (
    r"(?:api[_-]?key|apikey|secret|token|passw(?:or)?d|passwd|pwd|passphrase|credentials?|auth(?:orization|_?key|[ _-]header)?|private[_-]?key"
    r"|access[_-]?key|client[_-]?secret|signing[_-]?key|encryption[_-]?key|master[_-]?key|account[_-]?key|license[_-]?key|session[_-]?key)"
)
_ASSIGN = (
    r"[\"'`\])]{0,2}[ \t]{0,4}(?::=|=>|->|==?|:|,)[ \t]{0,4}(?:new |str |Bearer |bearer |Basic |Token )?[\"'`(]{0,3}"
)
_VALUE = r"[A-Za-z0-9!#$%&*+./:=?@^_~|\-]"

_OTHERS: tuple[SecretRule, ...] = (
    SecretRule(
        "private-key", rb"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
        re.compile(
            r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:(?!-----BEGIN)[\s\S]){0,16384}?-----END[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\\\s]{16,16384})"
        ),
        99, 100, 17000,
    ),
    SecretRule(
        "url-password", rb"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,80}:[^\s@/\"'<>]{3,100}@[a-z0-9\[]",
        re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,80}:([^\s@/\"'<>]{3,100})@[A-Za-z0-9\[]"),
        90, 230, 4, True, 1, 0.0, True,
    ),
    SecretRule(
        "azure-storage-key", rb"AccountKey=", re.compile(r"AccountKey=([A-Za-z0-9+/]{60,90}={0,2})"), 97, 14, 110, True, 1,
    ),
    SecretRule(
        "aws-secret-key", rb"(?:aws|amazon)[^\n]{0,40}(?:secret|key)[^\n]{0,20}[=:]",
        re.compile(r"(?i:aws|amazon)[^\n]{0,40}(?i:secret|key)[^\n]{0,20}?[=:][ \t]{0,4}[\"'`]?([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])"),
        94, 120, 60, True, 1, 3.6,
    ),
    SecretRule(
        "basic-auth-header", rb"authorization[\"']? ?[:=] ?[\"']?basic ",
        re.compile(r"(?i:authorization)[\"']? ?[:=] ?[\"']?(?i:basic) ([A-Za-z0-9+/]{12,200}={0,2})"), 92, 60, 220, True, 1, 2.5,
    ),
    SecretRule(
        "curl-credentials", rb"\bcurl\b[^\n]{0,300}\s(?:-u|--user|--proxy-user)[ =]",
        re.compile(r"(?:-u|--user|--proxy-user)[ =][\"']?[^\s:\"']{1,60}:([^\s\"']{3,100})"), 85, 20, 170, True, 1, 0.0, True,
    ),
    SecretRule(
        "bearer-token", rb"bearer [a-z0-9]", re.compile(r"(?i:bearer) ([A-Za-z0-9][\w.~+/-]{15,2000}={0,2})"), 85, 12, 2100, True, 1, 3.2, True,
    ),
    SecretRule(
        "generic-secret", _NAME.encode() + rb"[a-z0-9_]{0,20}" + _ASSIGN.encode() + rb"[A-Za-z0-9!#$%&*+./:=?@^_~|\-]{8}",
        re.compile(rf"(?i:{_NAME})[A-Za-z0-9_]{{0,20}}{_ASSIGN}({_VALUE}{{8,200}})"), 75, 110, 210, True, 1, 3.0, True,
    ),
    SecretRule(
        "generic-secret", rb"(?:api[ _-]?key|key|token|secret|password|passphrase|pwd|credential)s?(?:(?: is| was)?[:=]? |[:=])[\"'`]?[a-z0-9!#$%&*+./:=?@^_~|\-]{8}",
        re.compile(
            r"\b(?i:api[ _-]?key|key|token|secret|password|passphrase|pwd|credential)s?(?:(?: (?i:is|was))?[:=]? |[:=])[\"'`]?"
            rf"({_VALUE}{{8,200}})"
        ),
        70, 60, 210, True, 1, 3.2, True,
    ),
    SecretRule(
        "password", rb"(?:password|passwd|pwd|passphrase|passwort|contrase[^ ]{1,3}a|mot de passe|senha)[\"']? ?(?:is|was|:|=|lautet)+ ?",
        re.compile(
            r"(?i:password|passwd|pwd|passphrase|passwort|contraseña|mot de passe|senha)[\"']?(?:[ \t]{0,3}[:=]{1,2}[ \t]{0,3}| (?:is|was|lautet|est)[: ]{1,2})"
            r"[\"'`]?([^\s\"'`,;<>{}()\[\]]{6,64})"
        ),
        72, 40, 70, True, 1, 2.2, True,
    ),
)  # fmt: skip

SECRET_RULES: tuple[SecretRule, ...] = tuple(_prefixed(*row) for row in _PREFIXED) + _OTHERS
