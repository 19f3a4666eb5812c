"""What a config means: defaults, short forms, weights, guards, paths, the digest."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay import contract
from forebay.config import resolved as r
from forebay.config.document import EXAMPLE, MINIMAL
from forebay.config.load import load, load_text
from forebay.config.resolve import shares
from forebay.config.secrets import SecretReference

PRIVATE_HOSTS = ["127.0.0.1", "10.1.2.3", "[::1]", "[fd00::1]", "vllm", "a.svc.cluster.local", "x.internal"]
SMALL = "providers: {one: {type: mock}}\nmodels: {fast: one/m}\n"


def resolve(addition: str, folder: Path) -> r.Resolved:
    """A small config with `addition`, resolved in `folder`."""
    return load_text(SMALL + addition, folder / "forebay.yaml")


def test_the_first_versions_example_loads(folder: Path) -> None:
    """The file of the design, as it stands."""
    config = load_text(EXAMPLE, folder / "forebay.yaml")
    assert config.listen.http == r.Address("127.0.0.1", 8080)
    assert [arm.weight for arm in config.models["half"].arms] == [9000, 1000]
    assert config.models["fast"].arms == (r.Arm(r.Backend("one", "gpt-4o-mini"), contract.BUCKETS),)
    assert config.models["safe"].timeout == r.Timeout(10.0, 120.0, 300.0)
    assert config.tenants["acme"].limit == r.Rate(600, 60.0)
    assert config.tenants["small"].guards.name == "default"
    assert config.auth.jwt is not None
    assert config.auth.jwt.jwks == SecretReference("file", str(folder / "jwks.json"))
    assert config.auth == r.Auth(config.auth.jwt, none=False, generated=False)
    assert config.policies.files == (folder / "policies" / "main.rego",)
    assert config.telemetry.prometheus == r.Address("127.0.0.1", 9090)
    assert config.providers["two"].outlier == r.Outlier(5, 30.0, 10.0)


def test_a_minimal_file_gets_the_documented_defaults(folder: Path) -> None:
    """Only providers and models: loopback, a generated key, guards on, no policies."""
    config = load_text(MINIMAL, folder / "forebay.yaml")
    assert config.listen == r.Listen(r.Address("127.0.0.1", 8080), None, 0, r.Rate(60000, 60.0), 20 * 1024**2)
    assert config.auth == r.Auth(jwt=None, none=False, generated=True)
    guards = r.Guards("default", r.InjectionGuard("block", 70), "redact", (), "redact", 5.0, "closed")
    assert dict(config.tenants) == {"local": r.Tenant("local", (), None, None, guards)}
    assert config.policies == r.Policies((), "deny", "enforce", 1.0)
    assert config.caps == r.Caps(2048, 256, 16, 200_000, 2048, 64)
    assert config.telemetry == r.Telemetry(None, True)
    provider = config.providers["openai"]
    place = (provider.scheme, provider.host, provider.port, provider.base_path)
    assert place == ("https", "api.openai.com", 443, "/v1")
    assert provider.outlier == r.Outlier(5, 30.0, 10.0)
    model = config.models["fast"]
    assert model.timeout == r.Timeout(60.0, 120.0, 600.0)
    assert model.retries == r.Retries(("connect", "reset", "5xx", "429", "timeout"), 0)
    assert model.sticky == "user"


def test_a_mock_without_url_is_the_built_in_provider(folder: Path) -> None:
    """Neither host nor key are needed."""
    provider = resolve("", folder).providers["one"]
    assert (provider.scheme, provider.host, provider.port, provider.base_path) == (None, None, None, "/v1")


def test_no_auth_by_name_opens_any_address_to_the_local_tenant(folder: Path) -> None:
    """`auth: none` is consent, written down."""
    config = resolve('auth: none\nlisten: {http: "0.0.0.0:80"}\ntenants: {local: {limits: {requests: 3/s}}}\n', folder)
    assert config.auth == r.Auth(jwt=None, none=True, generated=False)
    assert config.listen.http == r.Address("0.0.0.0", 80)
    assert config.tenants["local"].limit == r.Rate(3, 1.0)


def test_tenants_keys_alone_are_auth(folder: Path) -> None:
    """Keys make an open address acceptable; nothing is generated."""
    config = resolve('listen: {http: "[::]:80"}\ntenants: {a: {keys: ["${file:keys/a}"]}}\n', folder)
    assert config.auth == r.Auth(jwt=None, none=False, generated=False)
    assert config.listen.http == r.Address("::", 80)
    assert config.tenants["a"].keys == (SecretReference("file", str(folder / "keys" / "a")),)


def test_https_alone_has_no_plain_listener(folder: Path) -> None:
    """A port binds loopback; http is there only if it is written too."""
    config = resolve('listen: {https: {port: 8443, cert: "${file:c}", key: "${env:K}"}}\n', folder)
    assert config.listen.http is None
    certificate = SecretReference("file", str(folder / "c"))
    assert config.listen.https == r.Https(r.Address("127.0.0.1", 8443), certificate, SecretReference("env", "K"))


def test_a_status_among_the_retry_words_may_be_a_number(folder: Path) -> None:
    """`[connect, 429, 5xx]` as the design writes it."""
    text = "models: {a: {backends: [{use: one/m, weight: 1}], retries: {on: [connect, 429, 5xx], max: 2}}}\n"
    config = load_text("providers: {one: {type: mock}}\n" + text, folder / "f.yaml")
    assert config.models["a"].retries == r.Retries(("connect", "429", "5xx"), 2)


@pytest.mark.parametrize("name", ["gpt-4o-mini", "meta-llama/Llama-3.3-70B", "ft:gpt-4o:acme", "gemini-1.5-pro@001"])
def test_real_model_names_are_accepted_at_the_provider(name: str, folder: Path) -> None:
    """The provider ends at the first slash."""
    config = load_text(f'providers: {{one: {{type: mock}}}}\nmodels: {{a: "one/{name}"}}\n', folder / "f.yaml")
    assert config.models["a"].arms[0].backend == r.Backend("one", name)


def test_guards_extend_each_other_field_by_field(folder: Path) -> None:
    """What is not written comes from below, at last from the defaults."""
    text = """\
guards:
  default: {injection: {threshold: 80}, secrets: {in: block}}
  base: {extends: default, pii: {in: log, types: [US_SSN, CREDIT_CARD]}, deadline: 2s}
  top: {extends: base, injection: {action: log}, failure_mode: open}
tenants:
  a: {keys: ["${env:A}"], guards: top}
  b: {keys: ["${env:B}"]}
"""
    config = resolve(text, folder)
    assert config.tenants["a"].guards == r.Guards(
        "top", r.InjectionGuard("log", 80), "log", ("CREDIT_CARD", "US_SSN"), "block", 2.0, "open"
    )
    assert config.tenants["b"].guards == r.Guards(
        "default", r.InjectionGuard("block", 80), "redact", (), "block", 5.0, "closed"
    )


def test_guards_on_answers_extend_each_other_field_by_field(folder: Path) -> None:
    """Off where nothing is written; the list of hosts is taken as a whole."""
    text = """\
guards:
  base:
    pii: {out: redact, types: [US_SSN]}
    links: {out: block, allow: [b.example, CDN.example.com, b.example]}
    pause: block
  top: {extends: base, secrets: {out: block}, system_prompt: {out: log}, links: {allow: [c.example]}}
tenants:
  a: {keys: ["${env:A}"], guards: top}
  b: {keys: ["${env:B}"], guards: base}
  c: {keys: ["${env:C}"]}
"""
    config = resolve(text, folder)
    assert config.tenants["a"].guards.output == r.OutputGuards(
        "redact", "block", "log", "block", ("c.example",), "block"
    )
    base = config.tenants["b"].guards
    assert base.output == r.OutputGuards("redact", "off", "off", "block", ("b.example", "cdn.example.com"), "block")
    assert (base.pii, base.pii_types) == ("redact", ("US_SSN",))
    assert (base.output.on, base.output.changes) == (True, True)
    off = config.tenants["c"].guards.output
    assert (off, off.on, off.changes) == (r.OutputGuards(), False, False)
    assert r.OutputGuards(pii="log").on
    assert not r.OutputGuards(pii="log").changes
    assert not r.OutputGuards(hosts=("a.example",)).on


def test_a_provider_of_anthropic_s_api_has_its_own_defaults(folder: Path) -> None:
    """Its path brings a /v1 of its own; its models are served to callers of that API."""
    text = """\
providers:
  claude: {type: anthropic}
  far: {type: anthropic, url: "https://a.example/x"}
  m: {type: mock, api: anthropic}
  n: {type: mock}
models: {a: claude/s, b: {backends: [{use: far/s, weight: 1}], fallback: [m/s]}, c: n/s}
"""
    config = load_text(text, folder / "forebay.yaml")
    places = {name: (each.api, each.host, each.base_path) for name, each in config.providers.items()}
    assert places == {
        "claude": ("anthropic", "api.anthropic.com", ""),
        "far": ("anthropic", "a.example", "/x"),
        "m": ("anthropic", None, ""),
        "n": ("openai", None, "/v1"),
    }
    assert {name: each.api for name, each in config.models.items()} == {
        "a": "anthropic",
        "b": "anthropic",
        "c": "openai",
    }


def test_an_alias_means_what_its_anchor_says(folder: Path) -> None:
    """Anchors are a way to write something once."""
    text = "providers: {one: &p {type: mock}, two: *p}\nmodels: {fast: two/m}\n"
    assert load_text(text, folder / "f.yaml").providers["two"].type == "mock"


@given(st.lists(st.one_of(st.integers(0, 1000), st.floats(0, 1000)), min_size=1, max_size=20))
def test_shares_sum_to_the_buckets_and_miss_by_less_than_one(weights: list[float]) -> None:
    """Largest remainder: nobody is off by a whole bucket, zero stays zero."""
    if sum(weights) <= 0:
        with pytest.raises(ValueError, match="more than 0"):
            shares(weights)
        return
    parts = shares(weights)
    assert sum(parts) == contract.BUCKETS
    for weight, part in zip(weights, parts, strict=True):
        assert abs(part - weight * contract.BUCKETS / sum(weights)) < 1.001
        assert weight > 0 or part == 0


def test_the_digest_is_the_same_in_another_process_and_folder(folder: Path, tmp_path: Path) -> None:
    """It names the meaning, so neither hash seeds nor the place of the file move it."""
    other = tmp_path / "elsewhere"
    (other / "policies").mkdir(parents=True)
    (other / "policies" / "main.rego").write_text("package forebay.main\n")
    (other / "forebay.yaml").write_text(EXAMPLE)
    script = "import sys, pathlib; from forebay.config.load import load; print(load(pathlib.Path(sys.argv[1])).digest)"
    root = str(Path(__file__).parents[4])
    done = subprocess.run(
        [sys.executable, "-c", script, str(other / "forebay.yaml")],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": root, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    digest = load_text(EXAMPLE, folder / "forebay.yaml").digest
    assert done.stdout.strip() == digest
    assert len(digest) == 16


def test_the_digest_follows_the_meaning_and_not_the_spelling(folder: Path) -> None:
    """Long and short form are one config; a changed value or policy is another."""
    short = resolve("", folder).digest
    long = "providers: {one: {type: mock}}\nmodels: {fast: {backends: [{use: one/m, weight: 7}], sticky: user}}\n"
    assert load_text(long, folder / "forebay.yaml").digest == short
    assert resolve("caps: {n: 1}\n", folder).digest != short
    with_policy = "policies: {files: [policies/*.rego]}\n"
    before = resolve(with_policy, folder).digest
    (folder / "policies" / "main.rego").write_text("package forebay.main\n# changed\n")
    assert resolve(with_policy, folder).digest != before


def test_policy_patterns_are_sorted_and_each_file_counts_once(folder: Path) -> None:
    """Overlapping and recursive patterns."""
    (folder / "policies" / "deep").mkdir()
    (folder / "policies" / "deep" / "a.rego").write_text("package a\n")
    config = resolve("policies: {files: ['policies/**/*.rego', policies/main.rego]}\n", folder)
    assert config.policies.files == (folder / "policies" / "deep" / "a.rego", folder / "policies" / "main.rego")


def test_a_pattern_that_takes_in_other_files_is_refused(folder: Path) -> None:
    """A note among the policies is not a policy."""
    (folder / "policies" / "README.md").write_text("hello\n")
    with pytest.raises(Exception, match=r"matches README\.md, which is neither a \.rego nor a \.json file"):
        resolve("policies: {files: ['policies/*']}\n", folder)


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_a_key_may_go_in_the_clear_to_private_hosts(host: str, folder: Path) -> None:
    """Local servers rarely speak TLS."""
    one = f'{{type: openai, url: "http://{host}:8000/v1/", key: "${{env:K}}"}}'
    provider = load_text(f"providers: {{one: {one}}}\nmodels: {{a: one/m}}\n", folder / "f.yaml").providers["one"]
    assert (provider.host, provider.port, provider.base_path) == (host.strip("[]"), 8000, "/v1")


def test_plaintext_permits_a_key_in_the_clear(folder: Path) -> None:
    """The consent is in the file."""
    one = "{type: openai, url: http://a.example, key: '${env:K}', plaintext: true}"
    text = f"providers: {{one: {one}}}\nmodels: {{a: one/m}}\n"
    assert load_text(text, folder / "f.yaml").providers["one"].scheme == "http"


def test_load_reads_the_file_and_keeps_its_place(folder: Path) -> None:
    """`source` is absolute, and relative paths are relative to it."""
    (folder / "forebay.yaml").write_text(SMALL)
    assert load(folder / "forebay.yaml").source == folder / "forebay.yaml"
