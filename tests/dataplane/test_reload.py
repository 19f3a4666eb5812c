"""A changed config, policy, key or certificate while calls are open; and a start that cannot be."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import openai
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gateways import Gateway, Starter
from raw_calls import Reply, call, chat

from forebay.supervise.ports import free_port

STORY = "once upon a time there was " * 10
KEY = "key-of-acme-0123456789"
CONFIG = """
listen:
  http: "127.0.0.1:@port@"
  https: {port: @tls@, cert: "${file:@folder@/tls.crt}", key: "${file:@folder@/tls.key}"}
providers: {m: {type: mock}, n: {type: mock}}
models:
  other: n/gpt-4o-mini
  chat: m/gpt-4o-mini
tenants:
  acme: {keys: ["${file:@folder@/acme}"]}
policies: {files: ["@folder@/*.rego"]}
"""
RULES = """package forebay.rules.tools

deny contains {"code": "NO_SUCH_TOOL", "message": "MESSAGE", "public": true} if {
	some tool in input.tools
	tool.name == "NAME"
}
"""


def certificate(folder: Path, name: str) -> None:
    """Write a self-signed certificate for loopback; `name` is its common name, by which a test tells it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    replace(folder / "tls.key", written)
    replace(folder / "tls.crt", signed.public_bytes(serialization.Encoding.PEM))


def replace(path: Path, content: bytes) -> None:
    """Write a file as a careful operator does: whole, under another name, then renamed."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.chmod(0o600)
    new.replace(path)


@pytest.fixture(scope="module")
def tls_port() -> int:
    """Where the TLS listener is."""
    return free_port()


@pytest.fixture(scope="module")
def running(start_once: Starter, tls_port: int) -> Gateway:
    """One gateway for all of them."""
    certificate(start_once.folder, "first")
    start_once.file("acme", KEY)
    start_once.file("rules.rego", RULES.replace("NAME", "nothing"))
    return start_once.gateway(CONFIG.replace("@tls@", str(tls_port)))


@pytest.fixture
def edit(running: Gateway) -> Iterator[Callable[[str, str], None]]:
    """Replace a text in the config file; undone at the end of the test."""
    before = running.config.read_text()

    def change(old: str, new: str) -> None:
        assert old in running.config.read_text()
        replace(running.config, running.config.read_text().replace(old, new).encode())

    yield change
    running.config.write_text(before)


@pytest.fixture
def ask(running: Gateway) -> Callable[..., Reply]:
    """One call; see `raw_calls.call`."""
    return lambda body, key=KEY, **more: running.loop.run(call(running.origin, key, body, **more))


@pytest.fixture(scope="module")
def story(running: Gateway) -> Iterator["Future[Reply]"]:
    """A stream that is open while everything below happens, and longer than Envoy takes to drain (20 s)."""
    running.mock("m").script({"contains": "a long story", "say": STORY, "chunk_delay": 0.5})
    asking = call(running.origin, KEY, chat("a long story", stream=True), timeout=90)
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(running.loop.run, asking, 100)


def common_name(port: int) -> str:
    """Of the certificate that the TLS listener shows."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    (name,) = x509.load_pem_x509_certificate(pem.encode()).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def served(reply: Reply) -> str:
    """Who answered, or the error's code."""
    return reply.provider or str(reply.code)


def test_models_come_move_and_go(
    running: Gateway, story: "Future[Reply]", edit: Callable[[str, str], None], ask: Callable[..., Reply]
) -> None:
    """Added, served by another provider, taken away; others are served all the time."""

    def becomes(wanted: str) -> bool:
        assert served(ask(chat("hello"))) == "m"
        return served(ask(chat("hello", "new"))) == wanted

    assert becomes("unknown_model")
    edit("  chat: m/gpt-4o-mini\n", "  chat: m/gpt-4o-mini\n  new: m/gpt-4o-mini\n")
    assert running.wait_for(lambda: becomes("m"))
    edit("new: m/gpt-4o-mini", "new: n/gpt-4o-mini")
    assert running.wait_for(lambda: becomes("n"))
    edit("  new: n/gpt-4o-mini\n", "")
    assert running.wait_for(lambda: becomes("unknown_model"))


def test_a_bad_change_changes_nothing(
    running: Gateway, story: "Future[Reply]", edit: Callable[[str, str], None], ask: Callable[..., Reply]
) -> None:
    """Whole or not at all: the good half of a bad file is not in service. The log says where the mistake is."""
    before = len(running.log)
    edit("  chat: m/gpt-4o-mini\n", "  chat: m/gpt-4o-mini\n  new: m/gpt-4o-mini\n  bad: nobody/x\n")
    line = running.config.read_text().splitlines().index("  bad: nobody/x") + 1

    def refused() -> bool:
        lines = [text for name, text in running.log[before:] if name == "xds"]
        return any(f"{running.config.name}:{line}:" in text and "models.bad" in text for text in lines)

    assert running.wait_for(refused)
    assert served(ask(chat("hello"))) == "m"
    assert served(ask(chat("hello", "new"))) == "unknown_model"
    edit("  bad: nobody/x\n", "")
    assert running.wait_for(lambda: served(ask(chat("hello", "new"))) == "m")


def test_a_config_with_a_bad_policy_changes_nothing_anywhere(
    running: Gateway, story: "Future[Reply]", edit: Callable[[str, str], None], ask: Callable[..., Reply]
) -> None:
    """Neither plane takes the good half; once the policy is mended both have all of it."""
    rules = running.config.parent / "rules.rego"
    before, logged = rules.read_text(), len(running.log)
    digest = running.places.published.read_text()
    tool = {"type": "function", "function": {"name": "shred", "parameters": {"type": "object"}}}

    def uses() -> str:
        return served(ask(chat("hello", tools=[tool])))

    replace(rules, b"package forebay.rules.tools\n\ndeny contains {\n")
    edit("  chat: m/gpt-4o-mini\n", "  chat: m/gpt-4o-mini\n  fresh: n/gpt-4o-mini\n")
    assert running.wait_for(lambda: any("rules.rego:3:" in text for _, text in running.log[logged:]))
    time.sleep(1.5)  # each plane has looked again
    assert served(ask(chat("hello", "fresh"))) == "unknown_model"
    assert running.places.published.read_text() == digest
    reply = ask(chat("hello"))
    assert running.record(reply.headers["x-request-id"])["config"] == digest
    replace(rules, RULES.replace("NAME", "shred").encode())
    assert running.wait_for(lambda: served(ask(chat("hello", "fresh"))) == "n")
    assert running.wait_for(lambda: uses() == "policy_denied")
    reply = ask(chat("hello"))
    assert running.record(reply.headers["x-request-id"])["config"] == running.places.published.read_text() != digest
    assert not [text for name, text in running.log[logged:] if "fork_posix" in text]
    replace(rules, before.encode())
    assert running.wait_for(lambda: uses() == "m")


def test_limits_follow_the_config(
    running: Gateway, story: "Future[Reply]", edit: Callable[[str, str], None], ask: Callable[..., Reply]
) -> None:
    """A tenant's limit appears, then is lifted again."""
    edit('{keys: ["${file:', '{limits: {requests: 2/h}, keys: ["${file:')
    assert running.wait_for(lambda: served(ask(chat("hello"))) == "tenant_rate_limited")
    edit("limits: {requests: 2/h}, ", "")
    assert running.wait_for(lambda: served(ask(chat("hello"))) == "m")


def test_an_edited_policy_decides(running: Gateway, story: "Future[Reply]", ask: Callable[..., Reply]) -> None:
    """An edit, a second file that fits the pattern, a mistake (which changes nothing), and back."""
    rules, more = running.config.parent / "rules.rego", running.config.parent / "more.rego"
    before = rules.read_text()

    def uses(name: str) -> str:
        tool = {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        return served(ask(chat("hello", tools=[tool])))

    assert (uses("drop"), uses("burn")) == ("m", "m")
    replace(rules, RULES.replace("NAME", "drop").encode())
    assert running.wait_for(lambda: uses("drop") == "policy_denied")
    replace(more, RULES.replace("NAME", "burn").replace("rules.tools", "rules.more").encode())
    assert running.wait_for(lambda: uses("burn") == "policy_denied")
    logged = len(running.log)
    replace(rules, b"package forebay.rules.tools\n\ndeny contains {\n")
    assert running.wait_for(lambda: any("rules.rego:" in text for _, text in running.log[logged:]))
    assert (uses("drop"), uses("burn")) == ("policy_denied", "policy_denied")
    more.unlink()
    replace(rules, before.encode())
    assert running.wait_for(lambda: (uses("drop"), uses("burn")) == ("m", "m"))


def test_keys_are_rotated(running: Gateway, story: "Future[Reply]", ask: Callable[..., Reply]) -> None:
    """The new one beside the old one, then alone."""
    keys = running.config.parent / "acme"
    new = "another-key-of-acme-0123"
    assert ask(chat("hello"), key=new).code == "unauthenticated"
    replace(keys, f"{KEY}\n{new}\n".encode())
    assert running.wait_for(lambda: ask(chat("hello"), key=new).status == 200)
    assert ask(chat("hello")).status == 200
    replace(keys, f"{new}\n".encode())
    assert running.wait_for(lambda: ask(chat("hello")).code == "unauthenticated")
    assert ask(chat("hello"), key=new).status == 200
    replace(keys, f"{KEY}\n".encode())
    assert running.wait_for(lambda: ask(chat("hello")).status == 200)


def test_the_certificate_is_rotated(running: Gateway, story: "Future[Reply]", tls_port: int) -> None:
    """TLS with a verified certificate, and another one for new connections once the files are replaced."""
    folder = running.config.parent
    for name in ("first", "second"):
        assert running.wait_for(lambda name=name: common_name(tls_port) == name)
        trusting = ssl.create_default_context(cafile=folder / "tls.crt")
        base_url = f"https://127.0.0.1:{tls_port}/v1"
        with openai.OpenAI(
            base_url=base_url, api_key=KEY, max_retries=0, http_client=openai.DefaultHttpxClient(verify=trusting)
        ) as client:
            answer = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hello"}])
        assert answer.choices[0].message.content == "hello"
        certificate(folder, "second")


def test_a_stream_outlives_every_change(running: Gateway, story: "Future[Reply]") -> None:
    """Opened before the first of the changes above, it says all it has to say."""
    assert "".join(story.result(90).deltas) == STORY


def forebay_up(folder: Path, port: int) -> "subprocess.Popen[str]":
    """`forebay up` in a process of its own, as a shell starts it."""
    config = folder / "forebay.yaml"
    config.write_text(f"listen: {{http: {port}}}\nproviders: {{m: {{type: mock}}}}\nmodels: {{chat: m/gpt-4o-mini}}\n")
    command = [sys.executable, "-P", "-m", "forebay.cli.main", "up", "-c", str(config), "--run-dir", str(folder / "r")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """One sentence that says which, and status 1; nothing is left running, no socket either."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with forebay_up(tmp_path, port) as process:
            _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert any(str(port) in line and "another process" in line for line in said.splitlines()), said
    assert "Traceback" not in said
    assert not (tmp_path / "r").exists()


def test_an_interrupt_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C before it was ready, as impatient people do."""
    with forebay_up(tmp_path, free_port()) as process:
        deadline = time.monotonic() + 30
        while not (children := family(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(1)
        children += family(process.pid)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert children
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert not (tmp_path / "r").exists()


def family(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
