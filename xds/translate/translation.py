"""All of it: one resolved config -> every resource that Envoy is to know."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from forebay.config.resolved import Resolved
from forebay.envoy_api.build import build
from forebay.places import Places
from xds.snapshot import Snapshot
from xds.translate.cluster import clusters
from xds.translate.extension_config import extension_configs
from xds.translate.keys import KeyRing
from xds.translate.listener import listeners
from xds.translate.machine import Machine, look
from xds.translate.route import route_configuration
from xds.translate.secret import secrets
from xds.translate.shapes import Json

MESSAGES: Final = {
    "clusters": "envoy.config.cluster.v3.Cluster",
    "secrets": "envoy.extensions.transport_sockets.tls.v3.Secret",
    "extension_configs": "envoy.config.core.v3.TypedExtensionConfig",
    "routes": "envoy.config.route.v3.RouteConfiguration",
    "listeners": "envoy.config.listener.v3.Listener",
}


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources in Envoy's own vocabulary. `extension_configs` holds API keys in clear, so it has no repr."""

    listeners: list[Json]
    routes: list[Json]
    clusters: list[Json]
    secrets: list[Json]
    extension_configs: list[Json] = field(repr=False)

    def by_message(self) -> Iterator[tuple[str, Json]]:
        """Every resource with its message's full name, in the order in which Envoy likes to hear of them."""
        for kind, full_name in MESSAGES.items():
            for resource in getattr(self, kind):
                yield full_name, resource


def describe(resolved: Resolved, places: Places, keys: KeyRing, machine: Machine) -> Resources:
    """Every resource as a dict. Pure."""
    return Resources(
        listeners=listeners(resolved, places, machine),
        routes=[route_configuration(resolved)],
        clusters=clusters(resolved, places, machine),
        secrets=secrets(resolved, machine),
        extension_configs=extension_configs(keys),
    )


def translate(resolved: Resolved, places: Places, keys: KeyRing, machine: Machine | None = None) -> Snapshot:
    """The snapshot for one config.

    Pure if `machine` is given; otherwise this one is looked at (links of secret files, certificate authorities). What
    Envoy may still refuse is for `envoy --mode validate` to find.
    """
    found = describe(resolved, places, keys, machine or look(resolved))
    return Snapshot.of(build(full_name, resource) for full_name, resource in found.by_message())
