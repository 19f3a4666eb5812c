"""Bad files and the exact lines they are refused with. `f` is the file."""

from pathlib import Path

import pytest

from forebay.config.errors import ConfigErrors
from forebay.config.load import load, load_text

PROVIDERS = "providers: {one: {type: mock}, two: {type: openai}, claude: {type: anthropic}}\n"
GOOD = PROVIDERS + "models: {fast: one/m}\n"  # two lines; what follows starts in line 3
REF = "${file:/k}"


def refused(text: str, folder: Path) -> list[str]:
    """The lines that `text` is refused with, the file shortened to f."""
    source = folder / "forebay.yaml"
    with pytest.raises(ConfigErrors) as caught:
        load_text(text, source)
    return str(caught.value).replace(str(source), "f").split("\n")


SYNTAX = [
    ("", "f:1:1: the file is empty; at least providers and models are needed"),
    ("# nothing\n", "f:1:1: the file is empty; at least providers and models are needed"),
    ("- a\n", "f:1:1: the file must be a mapping with providers and models"),
    ("~\n", "f:1:1: is empty; give a value or remove the key"),
    (GOOD + "\tcaps: {n: 1}\n", "f:3:1: not valid YAML: a tab in the indentation; YAML is indented with spaces"),
    (GOOD + "caps: {n: 1\n", "f:4:1: not valid YAML: a '[' or '{' is not closed, or a ',' is missing"),
    (GOOD + 'auth: "none\n', "f:4:1: not valid YAML: a quote is opened and not closed"),
    (
        GOOD + "auth: a: b\n",
        "f:3:8: not valid YAML: a ':' where none may stand; quote the text or mend the indentation",
    ),
    (GOOD + "caps: !!python/object:os.system {n: 1}\n", "f:3:7: tags (!...) are not accepted"),
    (GOOD + "---\nversion: 1\n", "f:3:1: a second document; one file holds one config"),
    (GOOD + "caps: *there\n", "f:3:7: an alias (*...) of something that is not written above it"),
    (GOOD + "caps: &me {n: *me}\n", "f:3:15: an alias (*...) of something that is not written above it"),
    (GOOD + "auth: no\x07ne\n", "f:3:9: control character U+0007"),
    (GOOD + "auth: no\ud800ne\n", "f:3:9: control character U+D800"),
    (GOOD + "caps: " + "[" * 40 + "\n", "f:3:38: nested deeper than 32 levels"),
    ("x" * (4 * 1024 * 1024 + 1), "f:1:1: the file is larger than 4194304 characters"),
]


@pytest.mark.parametrize(("text", "line"), SYNTAX)
def test_what_is_no_config_yaml_is_refused_with_its_place(text: str, line: str, folder: Path) -> None:
    """Unreadable text is one problem, located, in our words."""
    assert refused(text, folder) == [line]


SHAPES = [
    ("version: 2\n", "f:3:10: version: must be 1, the only version of this format"),
    ("version: true\n", "f:3:10: version: must be 1, the only version of this format"),
    ("caps: {n: 1}\ncaps: {n: 2}\n", "f:4:1: caps: this key is written twice, first in line 3"),
    ("caps:\n", "f:3:6: caps: is empty; give a value or remove the key"),
    ("caps: {n: true}\n", "f:3:11: caps.n: must be a whole number"),
    ("caps: {n: yes}\n", "f:3:11: caps.n: must be a whole number"),
    ("caps: {n: 1.5}\n", "f:3:11: caps.n: must be a whole number"),
    ("caps: {n: 0}\n", "f:3:11: caps.n: must be at least 1"),
    ("caps: {depth: 1000}\n", "f:3:15: caps.depth: must be at most 512"),
    ("caps: {max_token: 5}\n", "f:3:8: caps.max_token: unknown key (did you mean max_tokens?)"),
    ("caps: [1]\n", "f:3:7: caps: must be a mapping"),
    ("caps: {1: 2}\n", "f:3:8: caps: a key that is not text; quote it"),
    ("caps: {on: 2}\n", "f:3:8: caps.on: unknown key (did you mean n?)"),
    ("caps: {? [n] : 2}\n", "f:3:10: caps: a key that is not text; quote it"),
    ("caps: {<<: {n: 1}}\n", "f:3:8: caps: merge keys (<<) are not accepted; write the keys out"),
    ("polices: {files: [a]}\n", "f:3:1: polices: unknown key (did you mean policies?)"),
    ("Telemetry: {}\n", "f:3:1: Telemetry: unknown key (did you mean telemetry?)"),
    ('"a\\nb": 1\n', 'f:3:1: ["a\\nb"]: unknown key'),
    ("listen: {http: 0}\n", "f:3:16: listen.http: must be a port from 1 to 65535"),
    (
        "listen: {http: example.com:80}\n",
        "f:3:16: listen.http: must be a port (on loopback) or an IP address with a port: "
        '8080, "0.0.0.0:8080", "[::]:8080"',
    ),
    ("listen: {body_limit: 20MB}\n", "f:3:22: listen.body_limit: must be a size with its unit: 512KiB, 20MiB"),
    ("listen: {body_limit: 1GiB}\n", "f:3:22: listen.body_limit: must be a size from 1KiB to 64MiB"),
    ("listen: {client_limit: 10}\n", "f:3:24: listen.client_limit: must be a rate: 10/s, 600/m, 5000/h, 100000/d"),
    ("listen: {client_limit: 0/s}\n", "f:3:24: listen.client_limit: must be a rate of at least 1"),
    (
        f'listen: {{https: {{cert: "{REF}", key: "{REF}"}}}}\n',
        "f:3:17: listen.https: needs one of port and address",
    ),
    ("auth: maybe\n", "f:3:7: auth: must be none or a mapping with jwt"),
    ("auth: false\n", "f:3:7: auth: must be none or a mapping with jwt"),
    ("auth: {}\n", "f:3:1: auth.jwt: is required"),
    ("guards: {default: {pii: {in: mask}}}\n", "f:3:30: guards.default.pii.in: must be redact, block, log or off"),
    (
        "guards: {default: {pii: {in: redcat}}}\n",
        "f:3:30: guards.default.pii.in: must be redact, block, log or off (did you mean redact?)",
    ),
    ("guards: {default: {pii: {types: []}}}\n", "f:3:33: guards.default.pii.types: needs at least 1 entry"),
    ("guards: {default: {deadline: 5}}\n",
     "f:3:30: guards.default.deadline: must be a duration with its unit: 500ms, 10s, 5m, 1h"),
    ("guards: {default: {deadline: 25h}}\n", "f:3:30: guards.default.deadline: must be a duration from 1ms to 24h"),
    ("guards: {default: {injection: {threshold: 101}}}\n",
     "f:3:43: guards.default.injection.threshold: must be at most 100"),
    ("guards: {Strict: {}}\n", "f:3:10: guards.Strict: must be a name of a-z, 0-9 and '-', up to 63 characters"),
    ("telemetry: {prometheus: 8080}\n",
     "f:3:25: telemetry.prometheus: port 8080 is taken by another listener of this file"),
]  # fmt: skip


@pytest.mark.parametrize(("addition", "line"), SHAPES)
def test_a_wrong_shape_is_refused_with_its_place_and_a_suggestion(addition: str, line: str, folder: Path) -> None:
    """Each fault is one line that names the place, the path, the reason and perhaps what was meant."""
    assert refused(GOOD + addition, folder) == [line]


ENTRIES = [
    ("one: {type: opnai}", "f:2:15: providers.one.type: must be openai, anthropic or mock (did you mean openai?)"),
    ("one: {type: bedrock}", "f:2:15: providers.one.type: not in this version"),
    ("one: {}", "f:2:3: providers.one.type: is required"),
    ("one: {type: openai, url: ftp://a}", "f:2:28: providers.one.url: must start with https:// or http://"),
    (
        "one: {type: openai, url: https://u:pw@a/v1}",
        "f:2:28: providers.one.url: must be a URL without credentials, query and fragment",
    ),
    ("one: {type: openai, url: https://a/../b}", "f:2:28: providers.one.url: must have a plain path, such as /v1"),
    ("one: {type: openai, url: https:///v1}", "f:2:28: providers.one.url: must hold a host name or an IP address"),
    (
        "one: {type: openai, url: '${env:URL}'}",
        "f:2:28: providers.one.url: ${...} is for keys, certificates and key sets only; write the value itself",
    ),
    (
        "one: {type: openai, url: http://api.example.com/v1, key: '${env:K}'}",
        "f:2:28: providers.one.url: would send the key unencrypted over a public network; "
        "use https:// or plaintext: true",
    ),
    (
        "one: {type: openai, url: https://a.example, plaintext: true}",
        "f:2:58: providers.one.plaintext: means nothing with an https:// url",
    ),
    (
        "one: {type: openai, api: anthropic}",
        "f:2:28: providers.one.api: means nothing but for type: mock; the others speak what they are called",
    ),
    (
        "one: {type: anthropic, url: https://api.anthropic.com/v1}",
        "f:2:31: providers.one.url: what stands before /v1/messages: leave its /v1 out",
    ),
    ("one: {type: mock, api: gemini}", "f:2:26: providers.one.api: must be openai or anthropic"),
    ("one: {type: openai, limits: {tokens: 5}}", "f:2:32: providers.one.limits.tokens: not in this version"),
    ("one: {type: openai, outlier: {eject: soon}}",
     "f:2:40: providers.one.outlier.eject: must be a duration with its unit: 500ms, 10s, 5m, 1h"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "line"), ENTRIES)
def test_a_wrong_provider_is_refused(entry: str, line: str, folder: Path) -> None:
    """Providers: types, URLs, unencrypted keys."""
    assert refused(f"providers:\n  {entry}\nmodels: {{fast: one/m}}\n", folder) == [line]


MODELS = [
    ("fast: oen/m", "f:3:9: models.fast: there is no provider of this name (did you mean one/m?)"),
    ("fast: gpt-4o", "f:3:9: models.fast: must be provider/model, such as openai/gpt-4o-mini"),
    ("fast: 5", "f:3:9: models.fast: must be provider/model or a mapping with backends"),
    ("'a:b': one/m", 'f:3:3: models["a:b"]: must be a model name of letters, digits and . _ / @ + - (no \':\'), '
     "up to 128 characters"),
    ("fast: {backends: []}", "f:3:20: models.fast.backends: needs at least 1 entry"),
    ("fast: {fallback: [one/m]}", "f:3:3: models.fast.backends: is required"),
    ("fast: {backends: [{use: one/m, weight: 0}]}",
     "f:3:20: models.fast.backends: the weights must sum to more than 0"),
    ("fast: {backends: [{use: one/m, weight: -1}]}", "f:3:42: models.fast.backends[0].weight: must be at least 0"),
    ("fast: {backends: [{use: one/m, weight: true}]}", "f:3:42: models.fast.backends[0].weight: must be a number"),
    ("fast: {backends: [{use: one/m, weight: 1e999}]}",
     "f:3:42: models.fast.backends[0].weight: must be a finite number"),
    (
        "fast: {backends: [{use: one/m, weight: 99999}, {use: two/m, weight: 0.1}]}",
        "f:3:71: models.fast.backends[1].weight: a share under 0.01 %; write 0 or more of it",
    ),
    (
        "fast: {backends: [{use: one/m, weight: 1}, {use: one/m, weight: 1}]}",
        "f:3:52: models.fast.backends[1].use: is listed twice",
    ),
    (
        "fast: {backends: [{use: one/m, weight: 1}], fallback: [two/m, two/m]}",
        "f:3:65: models.fast.fallback[1]: is listed twice",
    ),
    (
        "fast: {backends: [{use: one/m, weight: 1}], retries: {on: [tcp]}}",
        "f:3:62: models.fast.retries.on[0]: must be connect, reset, 429, 5xx or timeout",
    ),
    (
        "fast: {backends: [{use: one/m, weight: 1}], timeout: {first_tokens: 1s}}",
        "f:3:57: models.fast.timeout.first_tokens: unknown key (did you mean first_token?)",
    ),
    (
        "fast: {backends: [{use: one/m, weight: 1}, {use: claude/m, weight: 1}]}",
        "f:3:52: models.fast.backends[1].use: speaks anthropic's API, the first backend openai's; one model, one API",
    ),
    (
        "fast: {backends: [{use: claude/m, weight: 1}], fallback: [claude/n, one/m]}",
        "f:3:71: models.fast.fallback[1]: speaks openai's API, the first backend anthropic's; one model, one API",
    ),
    ("fast: {backends: [{use: one/m, weight: 1}], shadow: 5}", "f:3:47: models.fast.shadow: not in this version"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "line"), MODELS)
def test_a_wrong_model_is_refused(entry: str, line: str, folder: Path) -> None:
    """Models: backends, weights, the short form."""
    assert refused(f"{PROVIDERS}models:\n  {entry}\n", folder) == [line]


RULES = [
    (
        'listen: {http: "0.0.0.0:80"}\n',
        "f:3:16: listen.http: open to other machines without auth; "
        "add tenants with keys or auth.jwt, or write auth: none",
    ),
    ("tenants: {acme: {}}\n",
     "f:3:17: tenants.acme: nobody can call as this tenant: it has no keys and there is no auth.jwt"),
    (f'auth: none\ntenants: {{acme: {{keys: ["{REF}"]}}}}\n',
     "f:4:24: tenants.acme.keys: auth: none asks nobody for a key; remove one of the two"),
    ("auth: none\ntenants: {acme: {}}\n",
     "f:4:17: tenants.acme: with auth: none every caller is the tenant local"),
    ('auth: {jwt: {issuer: i, audiences: [a], jwks: "${file:j}", tenant_claim: t}}\n',
     "f:3:13: auth.jwt: nobody could call: tokens name a tenant, and there are no tenants"),
    ('auth: {jwt: {issuer: i, audiences: [a], jwks: "https://a/k", tenant_claim: t}}\ntenants: {a: {}}\n',
     "f:3:47: auth.jwt.jwks: a URL is not in this version; save the key set and write ${file:PATH}"),
    (f'tenants: {{forebay-probe: {{keys: ["{REF}"]}}}}\n',
     "f:3:26: tenants.forebay-probe: this name is reserved for the readiness probe"),
    (f'tenants: {{a: {{keys: ["{REF}"]}}, b: {{keys: ["{REF}"]}}}}\n',
     "f:3:49: tenants.b.keys[0]: is listed twice"),
    (f'tenants: {{a: {{keys: ["{REF}"], models: [fsat]}}}}\n',
     "f:3:46: tenants.a.models[0]: there is no model of this name (did you mean fast?)"),
    (f'tenants: {{a: {{keys: ["{REF}"], guards: strict}}}}\n',
     "f:3:45: tenants.a.guards: there is no entry of guards of this name (known: default)"),
    ("guards: {strict: {}}\n",
     "f:3:18: guards.strict: no tenant uses it; name it default to apply it to every call"),
    ("guards: {default: {extends: a}, a: {extends: default}}\n",
     "f:3:29: guards.default.extends: extends itself: default -> a -> default\n"
     "f:3:46: guards.a.extends: extends itself: a -> default -> a"),
    ("guards: {default: {extends: defalt}}\n",
     "f:3:29: guards.default.extends: there is no entry of guards of this name (did you mean default?)"),
    ("policies: {files: [rules/*.rego]}\n", "f:3:20: policies.files[0]: matches no file"),
    ("policies: {files: ['notes/*']}\n", "f:3:20: policies.files[0]: matches no file"),
    (f'tenants: {{a: {{keys: ["{REF}"], guards: Strict}}}}\n',
     "f:3:45: tenants.a.guards: must be a name of a-z, 0-9 and '-', up to 63 characters"),
    ("guards: {default: {pii: {out: mask}}}\n",
     "f:3:31: guards.default.pii.out: must be redact, block, log or off"),
    ("guards: {default: {output: {pii: block}}}\n", "f:3:20: guards.default.output: unknown key"),
    ("guards: {default: {links: {allow: [com]}}}\n",
     "f:3:36: guards.default.links.allow[0]: must be a host name with a dot, without scheme, port, path and wildcard: "
     "example.com"),
    ('guards: {default: {links: {allow: ["*.a.example", "https://a.example", "a.example:80"]}}}\n',
     "\n".join(f"f:3:{at}: guards.default.links.allow[{n}]: must be a host name with a dot, without scheme, port, path "
               "and wildcard: example.com" for n, at in enumerate((36, 51, 72)))),
    ("guards: {default: {injection: {out: block}}}\n", "f:3:32: guards.default.injection.out: not in this version"),
    ("policies: {files: [5]}\n", "f:3:20: policies.files[0]: must be a file path"),
    ("policies: {mode: off}\n", "f:3:1: policies.files: is required"),
]  # fmt: skip


@pytest.mark.parametrize(("addition", "lines"), RULES)
def test_a_broken_rule_between_sections_is_refused(addition: str, lines: str, folder: Path) -> None:
    """What no field can tell alone."""
    assert refused(GOOD + addition, folder) == lines.split("\n")


FOLLOWING = [
    ("provders: {one: {type: mock}}\nmodels: {fast: one/m}\n",
     "f:1:1: provders: unknown key (did you mean providers?)\nf:1:1: providers: is required"),
    ("providers: []\nmodels: {fast: one/m}\n", "f:1:12: providers: must be a mapping"),
    ("providers: {}\nmodels: {fast: one/m}\n", "f:1:12: providers: needs at least 1 entry"),
    (f'{PROVIDERS}model: {{fast: one/m}}\ntenants: {{a: {{keys: ["{REF}"], models: [fast]}}}}\n',
     "f:1:1: models: is required\nf:2:1: model: unknown key (did you mean models?)"),
    (f'{GOOD}gaurds: {{strict: {{}}}}\ntenants: {{a: {{keys: ["{REF}"], guards: strict}}}}\n',
     "f:3:1: gaurds: unknown key (did you mean guards?)"),
    (f'{GOOD}listen: {{http: "0.0.0.0:80"}}\ntennants: {{a: {{keys: ["{REF}"]}}}}\n',
     "f:4:1: tennants: unknown key (did you mean tenants?)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), FOLLOWING)
def test_a_faulty_section_does_not_make_its_names_unknown(text: str, lines: str, folder: Path) -> None:
    """One mistake is one problem, not one for each reference."""
    assert refused(text, folder) == lines.split("\n")


@pytest.mark.parametrize(("count", "listed"), [(8, " (known: p0, p1, p2, p3, p4, p5, p6, p7)"), (9, "")])
def test_known_names_are_listed_while_they_are_few(count: int, listed: str, folder: Path) -> None:
    """Where none is near."""
    providers = ", ".join(f"p{number}: {{type: mock}}" for number in range(count))
    text = f"providers: {{{providers}}}\nmodels: {{fast: nowhere/m}}\n"
    assert refused(text, folder) == [f"f:2:16: models.fast: there is no provider of this name{listed}"]


def test_all_problems_come_at_once_sorted_by_position(folder: Path) -> None:
    """Syntax of keys, shapes, names, rules between sections: one run tells them all."""
    text = """\
verion: 1
providers:
  one: {type: openai, key: "sk-literal-literal"}
  one: {type: mock}
  Two: {type: mock}
  bad: {type: mock, ca: nowhere.pem}
models:
  fast: nowhere/m
  odd: {backends: [{use: one/m, weight: 0}], timeout: {total: 0s}}
  sum: {backends: [{use: one/m, weight: 0}]}
tenants:
  acme: {models: [slow], limits: {tokens: 5}}
cache: {}
policies: {files: [none/*.rego], on_eror: deny}
"""
    assert refused(text, folder) == [
        "f:1:1: verion: unknown key (did you mean version?)",
        "f:3:28: providers.one.key: must be ${file:PATH} or ${env:NAME}; secrets are not written into the config",
        "f:4:3: providers.one: this key is written twice, first in line 3",
        "f:5:3: providers.Two: must be a name of a-z, 0-9 and '-', up to 63 characters",
        "f:6:25: providers.bad.ca: means nothing without an https:// url",
        "f:8:9: models.fast: there is no provider of this name (known: one, bad)",
        "f:9:63: models.odd.timeout.total: must be a duration from 1ms to 24h",
        "f:10:19: models.sum.backends: the weights must sum to more than 0",
        "f:12:19: tenants.acme.models[0]: there is no model of this name (known: fast, odd, sum)",
        "f:12:35: tenants.acme.limits.tokens: not in this version",
        "f:13:1: cache: not in this version",
        "f:14:20: policies.files[0]: matches no file",
        "f:14:34: policies.on_eror: unknown key (did you mean on_error?)",
    ]


def test_the_required_sections_are_both_missed_at_once(folder: Path) -> None:
    """A file with neither providers nor models is told both."""
    assert refused("version: 1\n", folder) == ["f:1:1: models: is required", "f:1:1: providers: is required"]


def test_an_alias_bomb_is_refused_quickly(folder: Path) -> None:
    """Aliases may be used, but what they write out is bounded."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (line,) = refused("\n".join(rows) + "\n", folder)
    assert line.endswith("too large once its aliases are written out")


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    """Missing, a folder, not UTF-8: each says which."""
    (tmp_path / "latin.yaml").write_bytes(b"version: 1\nauth: n\xe9\n")
    expected = {
        "none.yaml": ":1:1: cannot be read: No such file or directory",
        ".": ":1:1: a directory",
        "latin.yaml": ":2:8: not UTF-8",
    }
    for name, line in expected.items():
        with pytest.raises(ConfigErrors) as caught:
            load(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}{line}"
        assert len(caught.value.problems) == 1
