"""Built-in mock providers that come into the config while the gateway runs."""

from gateways import Gateway, Starter

from forebay.supervise.ports import free_port

MODELS = "models: {chat: m/gpt-4o-mini}\n"


def answer(gateway: Gateway, model: str) -> str | None:
    """What a model says to hello; None when it does not."""
    with gateway.client(timeout=5) as client:
        try:
            made = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
        except Exception:  # whatever is wrong meanwhile: it is asked again until the time is over
            return None
    return made.choices[0].message.content


def test_new_mock_providers_and_models_answer_without_a_restart(start: Starter) -> None:
    """One part serves them all and follows the file."""
    gateway = start.gateway(f"providers: {{m: {{type: mock}}}}\n{MODELS}")
    before = gateway.running.supervisor.pids()
    text = gateway.config.read_text().replace("{m: {type: mock}}", "{m: {type: mock}, n: {type: mock}}")
    gateway.config.write_text(text.replace(MODELS, "models: {chat: m/gpt-4o-mini, more: m/gpt-4o, other: n/gpt-4o}\n"))
    assert gateway.wait_for(lambda: answer(gateway, "other")) == "hello"
    assert answer(gateway, "more") == "hello"
    assert gateway.running.supervisor.pids() == before


def test_the_first_mock_provider_of_a_config_starts_the_part(start: Starter) -> None:
    """A gateway without one has no such process; the log says when it comes."""
    gateway = start.gateway(f'providers: {{m: {{type: mock, url: "http://127.0.0.1:{free_port()}/v1"}}}}\n{MODELS}')
    assert "mock" not in gateway.running.supervisor.pids()
    text = "".join(line for line in gateway.config.read_text().splitlines(keepends=True) if "providers" not in line)
    gateway.config.write_text(f"{text}providers: {{m: {{type: mock}}}}\n")
    assert gateway.wait_for(lambda: answer(gateway, "chat")) == "hello"
    assert "mock" in gateway.running.supervisor.pids()
    assert any("first built-in mock provider" in line for name, line in gateway.log if name == "gateway")


def test_an_orderly_end_is_quiet(start: Starter) -> None:
    """That Envoy's stream ends with Envoy is no warning to anybody; the control plane calls it by a name of ours."""
    gateway = start.gateway(f"providers: {{m: {{type: mock}}}}\n{MODELS}")
    start.stack.close()
    assert [line for name, line in gateway.log if name == "envoy" and "warning" in line] == []
    assert any("envoy envoy-1 has LDS" in line for name, line in gateway.log if name == "xds")
    assert "[masked]" not in "".join(line for name, line in gateway.log if " has " in line and name == "xds")
