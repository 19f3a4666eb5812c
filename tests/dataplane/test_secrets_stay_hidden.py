"""Keys are rotated without draining, and no key is ever seen again: not in a dump, a log, a record or a file."""

import gzip
import time
from pathlib import Path
from typing import Any

import pytest
from gateways import Gateway, Starter
from tokens import Issuer
from wire import Answer, chat, connect, read, request, send

OLD, NEW, NEXT = "key-one-of-acme-0123456789", "key-two-of-acme-0123456789", "key-three-of-acme-01234567"
OTHER = "key-of-other-0123456789"
WRONG = "key-that-nobody-gave-out-0123456789"
PROVIDER_KEY, PROVIDER_KEY_2 = "sk-provider-one-0123456789", "sk-provider-two-0123456789"
ISSUER = Issuer()
TOKEN = ISSUER.token()
CONFIG = """
providers:
  one: {type: mock, key: "${file:@folder@/one}"}
  two: {type: openai, url: "http://127.0.0.1:9/v1", key: "${file:@folder@/two}"}
models:
  chat: one/gpt-4o-mini
  lost: two/gpt-4o-mini
tenants:
  acme: {keys: ["${file:@folder@/acme}"]}
  other: {keys: ["${file:@folder@/other}"]}
auth:
  jwt: {issuer: "https://idp.test", audiences: [llm], jwks: "${file:@folder@/jwks.json}", tenant_claim: team}
"""
SECRETS = (OLD, NEW, NEXT, OTHER, WRONG, PROVIDER_KEY, PROVIDER_KEY_2, TOKEN.rpartition(".")[2])
# of the admin interface: everything that prints what was configured, sent or counted
PAGES = (
    "/config_dump?include_eds",
    "/clusters?format=json",
    "/listeners?format=json",
    "/stats",
    "/stats/prometheus",
    "/certs",
    "/server_info",
    "/runtime",
    "/init_dump",
    "/memory",
)


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    for name, text in {"one": PROVIDER_KEY, "two": PROVIDER_KEY_2, "acme": OLD, "other": OTHER}.items():
        start_once.file(name, text + "\n")
    start_once.file("jwks.json", ISSUER.jwks())
    return start_once.gateway(CONFIG)


def write(gateway: Gateway, name: str, text: str) -> None:
    """Replace a file the way an operator does: at once."""
    path = gateway.config.with_name(name)
    temporary = path.with_name(f".{name}.new")
    temporary.write_text(text)
    temporary.chmod(0o600)
    temporary.replace(path)


def ask(gateway: Gateway, key: str, **more: Any) -> Answer:
    """A chat call with this key."""
    return send(gateway.origin, request(chat(**more), key=key))


def test_a_rotated_key_works_at_once_and_open_streams_go_on(gateway: Gateway) -> None:
    """Old and new overlap as long as both stand in the file; then the old one is nobody's, its stream unharmed."""
    mock = gateway.mock("one")
    mock.script({"chunk_delay": 0.2, "say": "word " * 300, "contains": "a long story"})
    with connect(gateway.origin, 30) as connection, connection.makefile("rb") as stream:
        connection.sendall(request(chat("a long story", stream=True), key=OLD))
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        write(gateway, "acme", f"{OLD}\n{NEW}\n")
        gateway.wait_for(lambda: ask(gateway, NEW).status == 200)
        assert ask(gateway, OLD).status == 200
        write(gateway, "acme", f"{NEW}\n")
        refused = gateway.wait_for(lambda: (answer := ask(gateway, OLD)).status == 401 and answer)
        assert refused.error["code"] == "unauthenticated"
        assert ask(gateway, NEW).status == ask(gateway, OTHER).status == 200
        # what comes a second from now was sent after the key had gone
        later = time.monotonic() + 1
        while (line := stream.readline()) and (time.monotonic() < later or not line.startswith(b"data: {")):
            pass
        assert line.startswith(b"data: {"), "the stream ended with its key"
    mock.script()


def test_the_clients_name_changes_with_its_key(gateway: Gateway) -> None:
    """The record tells which credential it was, without telling the credential."""
    gateway.wait_for(lambda: ask(gateway, NEW).status == 200)
    one = gateway.record(ask(gateway, NEW).id)
    two = gateway.record(ask(gateway, OTHER).id)
    assert one["client"] != two["client"]
    assert one["client"] == gateway.record(ask(gateway, NEW).id)["client"]


@pytest.mark.parametrize(
    "text",
    [
        f"{OTHER}\n",
        f"{NEW}\n{NEW[:9]}\n",
        f"{NEW}\n{NEXT} {WRONG}\n",
        f"{TOKEN}\n",
        "fbp-0123456789abcdef0123456789\n",
        "",
    ],
)
def test_a_key_file_that_cannot_be_used_changes_nothing(gateway: Gateway, text: str) -> None:
    """Another tenant's key, a short one, one with a space, a JWT, the probe's, none: the last good ring stays."""
    said = len(gateway.log)
    write(gateway, "acme", text)
    gateway.wait_for(lambda: [line for name, line in gateway.log[said:] if name == "xds" and "refused" in line])
    assert ask(gateway, NEW).status == 200
    assert ask(gateway, NEXT).status == 401
    assert gateway.record(ask(gateway, OTHER).id)["tenant"] == "other"
    said = len(gateway.log)
    write(gateway, "acme", f"{NEW}\n")
    gateway.wait_for(lambda: gateway.log[said:])


def test_a_provider_key_is_rotated_too(gateway: Gateway, start_once: Starter) -> None:
    """The next attempt has the new one."""
    mock = gateway.mock("one")
    write(gateway, "one", f"{NEXT}\n")

    def told() -> bool:
        mock.forget()
        ask(gateway, NEW)
        return ["authorization", f"Bearer {NEXT}"] in mock.received()[-1]["headers"]

    assert gateway.wait_for(told)
    write(gateway, "one", f"{PROVIDER_KEY}\n")


def files(*folders: Path) -> list[Path]:
    """Every file below these folders."""
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def contains(raw: bytes, secret: str) -> bool:
    """Whether it stands there, compressed or not."""
    whole = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    return secret.encode() in whole


def exercised(gateway: Gateway) -> None:
    """Uses every key and has every refusal happen."""
    for key in (OLD, NEW, NEXT, OTHER, WRONG, TOKEN):
        for model in ("chat", "lost", "nowhere"):
            ask(gateway, key, model=model)
        send(gateway.origin, request(chat(), path=f"/v1/chat/completions?api_key={key}", key=key))
        send(gateway.origin, request(chat(), headers=(("x-api-key", key), ("cookie", key), ("x-any", key))))
        send(gateway.origin, request(chat(), path=f"/v1/{key}", headers=(("authorization", f"Basic {key}"),)))
    gateway.mock("one").script({"status": 401, "message": f"Incorrect API key {PROVIDER_KEY}"})
    assert ask(gateway, NEW).status == 502
    gateway.mock("one").script({"status": 500, "body": PROVIDER_KEY})
    last = ask(gateway, NEW)
    gateway.mock("one").script()
    gateway.record(last.id)


def test_no_key_is_seen_again(gateway: Gateway) -> None:
    """In no file of the run and state folders, no log line, no admin page, no command line of a part."""
    gateway.wait_for(lambda: ask(gateway, NEW).status == 200)
    exercised(gateway)
    places = gateway.places
    found = files(places.run, places.state)
    assert {places.bootstrap, places.records, places.envoy_record, places.last_good} <= set(found)
    shown = {str(path): path.read_bytes() for path in found}
    shown |= {page: gateway.admin(page).encode() for page in PAGES}
    shown["log"] = "\n".join(line for _, line in gateway.log).encode()
    for name, pid in gateway.running.supervisor.pids().items():
        shown[f"command line of {name}"] = Path(f"/proc/{pid}/cmdline").read_bytes()
        shown[f"environment of {name}"] = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"ingress" in shown["/config_dump?include_eds"]
    assert b"m:chat" in shown[str(places.records)]
    assert [(where, secret[:9]) for where, raw in shown.items() for secret in SECRETS if contains(raw, secret)] == []


def test_the_generated_secrets_stand_in_their_own_files_alone(gateway: Gateway) -> None:
    """The probe's key, the local key and the state key: 0600, and nowhere else."""
    places = gateway.places
    own = {places.probe_key, places.local_key, places.state_key}
    elsewhere = [path for path in files(places.run, places.state) if path not in own]
    pages = [gateway.admin(page).encode() for page in PAGES]
    log = "\n".join(line for _, line in gateway.log).encode()
    for path in own:
        assert path.stat().st_mode & 0o777 == 0o600
        secret = path.read_bytes()
        assert not any(secret in raw for raw in (*(each.read_bytes() for each in elsewhere), *pages, log))
    assert places.state.stat().st_mode & 0o777 == places.run.stat().st_mode & 0o777 == 0o700


def test_an_answer_never_quotes_a_credential(gateway: Gateway) -> None:
    """Whatever was wrong with the request that carried it."""
    for key in (NEW, WRONG, TOKEN):
        for path in ("/v1/chat/completions", f"/v1/{key}", f"/v1/chat/completions?api_key={key}"):
            with connect(gateway.origin) as connection:
                connection.sendall(request(chat(user=key), path=path, key=key, headers=(("x-api-key", key),)))
                answer = read(connection)
            if answer.status != 200:
                assert key.encode() not in answer.body
            assert key not in str(answer.headers)
