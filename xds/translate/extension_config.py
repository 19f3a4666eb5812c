"""ECDS: the API keys, once per header they may come in. Replaced as a whole; no listener changes, nothing drains."""

from typing import Final

from forebay import contract
from xds.translate.authentication import API_KEY_AUTH
from xds.translate.keys import KeyRing
from xds.translate.shapes import Json, extension

_SOURCES: Final = {contract.KEYS_AUTHORIZATION: "authorization", contract.KEYS_X_API_KEY: "x-api-key"}


def extension_configs(keys: KeyRing) -> list[Json]:
    """The two resources. They hold every API key in clear: never print one."""
    credentials = [{"key": key.value, "client": key.client} for key in keys.keys]
    return [_resource(name, header, credentials) for name, header in _SOURCES.items()]


def _resource(name: str, header: str, credentials: list[Json]) -> Json:
    return extension(
        name,
        API_KEY_AUTH,
        {
            "credentials": credentials,
            "key_sources": [{"header": header}],
            "forwarding": {"header": contract.KEY_CLIENT, "hide_credentials": True},
        },
    )
