"""Every provider of `type: mock` without a url, in one process that follows the config file."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from forebay.config.errors import ConfigErrors
from forebay.config.load import load_text
from forebay.config.published import published_digest
from forebay.config.resolved import Provider, Resolved
from forebay.config.secrets import SecretReference, SecretUnavailable
from forebay.mock.server import Listening, MockProvider
from forebay.places import Places

POLL_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


def built_in(resolved: Resolved) -> list[Provider]:
    """The providers of a config that the gateway itself must serve."""
    return [provider for provider in resolved.providers.values() if provider.type == "mock" and provider.host is None]


def models_of(provider: str, resolved: Resolved) -> list[str]:
    """The names of the models that the config expects at a provider, sorted."""
    backends = [
        backend
        for model in resolved.models.values()
        for backend in (*(arm.backend for arm in model.arms), *model.fallback)
    ]
    return sorted({backend.model for backend in backends if backend.provider == provider})


class BuiltIn:
    """One mock provider per built-in provider of the config, each on its own socket, for as long as it is named.

    What the config in force names is served too: a file that the control plane refuses must not take a provider away.
    """

    def __init__(self, source: Path, places: Places) -> None:
        self.providers: dict[str, MockProvider] = {}
        self._source = source
        self._places = places
        self._known: dict[Path, tuple[str, Resolved | None]] = {}  # file -> its text and what it means
        self._told: dict[str, str] = {}  # provider -> why it is not served

    async def follow(self) -> None:
        """Serve what the config names, now and as it changes. Runs until cancelled; then every socket is gone."""
        try:
            await self.refresh()
            async with MockProvider((), listening=Listening(self._places.mocks_socket)):
                while True:
                    await asyncio.sleep(POLL_SECONDS)
                    await self.refresh()
        finally:
            for name in list(self.providers):
                await self._end(name)

    async def refresh(self) -> None:
        """Look at the files once: new providers get sockets, removed ones lose them, others their models and keys."""
        # In the order of precedence: the file as it is decides on key and base path.
        published = [self._places.last_good] if published_digest(self._places) else []
        configs = [config for path in (self._source, *published) if (config := self._read(path))]
        if not configs:
            return
        wanted: dict[str, Provider] = {}
        for config in configs:
            for provider in built_in(config):
                wanted.setdefault(provider.name, provider)
        for name in self.providers.keys() - wanted.keys():
            await self._end(name)
            _log.info("no longer serving %s", name)
        for name, provider in wanted.items():
            models = sorted({model for config in configs for model in models_of(name, config)})
            try:
                await self._serve(provider, models)
            except (SecretUnavailable, OSError) as error:
                self._refuse(name, str(error))
            else:
                self._told.pop(name, None)

    async def _serve(self, provider: Provider, models: list[str]) -> None:
        keys = _keys(provider.key)
        serving = self.providers.get(provider.name)
        if serving is None:
            socket = self._places.mock_socket(provider.name)
            made = MockProvider(models, keys=keys, base=_base(provider), listening=Listening(socket))
            self.providers[provider.name] = await made.__aenter__()
        elif not serving.offer(models, keys=keys, base=_base(provider)):
            return
        _log.info("serving %s: %s", provider.name, ", ".join(models) or "no models")

    def _refuse(self, name: str, why: str) -> None:
        if self._told.get(name) != why:  # said once, though it is tried again and again
            self._told[name] = why
            _log.error("cannot serve %s: %s", name, why)

    async def _end(self, name: str) -> None:
        await self.providers.pop(name).__aexit__(None, None, None)

    def _read(self, path: Path) -> Resolved | None:
        """What a file means. A file that cannot be used means what it meant before; xds says what is wrong with it."""
        text, meaning = self._known.get(path, ("", None))
        try:
            now = path.read_text("utf-8")
            if now != text:
                self._known[path] = (now, meaning)
                meaning = load_text(now, self._source)
                self._known[path] = (now, meaning)
        except (OSError, UnicodeDecodeError, ConfigErrors):
            return meaning
        return meaning


def _base(provider: Provider) -> str:
    """What stands before `chat/completions` or `messages`: where Anthropic's API has its `/v1`, too."""
    return provider.base_path + ("/v1" if provider.api == "anthropic" else "")


def _keys(reference: SecretReference | None) -> list[str]:
    return [reference.read()] if reference is not None else []
