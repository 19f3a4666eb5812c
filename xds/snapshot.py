"""Immutable resources by type; a version is a hash of canonical bytes, so equal content is equal everywhere."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message

from forebay import contract
from forebay.envoy_api.build import serialize, to_dict, type_url
from forebay.envoy_api.messages import message

CDS: Final = type_url("envoy.config.cluster.v3.Cluster")
LDS: Final = type_url("envoy.config.listener.v3.Listener")
RDS: Final = type_url("envoy.config.route.v3.RouteConfiguration")
SDS: Final = type_url("envoy.extensions.transport_sockets.tls.v3.Secret")
ECDS: Final = type_url("envoy.config.core.v3.TypedExtensionConfig")
TYPES: Final = (CDS, LDS, RDS, SDS, ECDS)  # in the order in which a change is sent
SHORT: Final[Mapping[str, str]] = {CDS: "CDS", LDS: "LDS", RDS: "RDS", SDS: "SDS", ECDS: "ECDS"}

_BOOTSTRAP_CLUSTERS = frozenset({contract.XDS_CLUSTER})  # exist without CDS


class Inconsistent(Exception):
    """Resources refer to what is not there. `problems` holds every case, by name; correct the translation."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, serialised once for all clients. `body` may hold secrets and is never printed."""

    type_url: str
    name: str
    version: str
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, source: Message) -> "Resource":
        """The resource of one message. Raises ValueError when it has no name or its type is none of TYPES."""
        kind = type_url(source.DESCRIPTOR.full_name)
        if kind not in TYPES:
            raise ValueError(f"{kind} is not served")
        if not source.name:
            raise ValueError(f"a {SHORT[kind]} resource has no name")
        body = serialize(source)
        return cls(kind, source.name, hashlib.sha256(body).hexdigest()[:16], body)

    def message(self) -> Message:
        """The resource as a message again."""
        return message(self.type_url.rpartition("/")[2]).FromString(self.body)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything an Envoy is to have. `version` names the whole; build with `of`."""

    resources: Mapping[str, Mapping[str, Resource]]  # type_url -> name -> resource, names in order
    version: str

    @classmethod
    def of(cls, messages: Iterable[Message]) -> "Snapshot":
        """The snapshot of these messages, in any order.

        Raises ValueError when two resources of a type have one name, or `Resource.of` does.
        """
        by_type: dict[str, dict[str, Resource]] = {kind: {} for kind in TYPES}
        for source in messages:
            made = Resource.of(source)
            if made.name in by_type[made.type_url]:
                raise ValueError(f"two {SHORT[made.type_url]} resources are named {made.name!r}")
            by_type[made.type_url][made.name] = made
        ordered = {kind: MappingProxyType(dict(sorted(found.items()))) for kind, found in by_type.items()}
        return cls(MappingProxyType(ordered), _digest(made for found in ordered.values() for made in found.values()))

    def type_version(self, kind: str) -> str:
        """Changes exactly when a resource of that type does."""
        return _digest(self.resources[kind].values())

    def counts(self) -> dict[str, int]:
        """How many resources there are, by the type's short name."""
        return {SHORT[kind]: len(found) for kind, found in self.resources.items()}

    def changes(self, before: "Snapshot | None") -> dict[str, tuple[int, int, int]]:
        """By short type name: how many resources are new, changed and gone since `before`; unchanged types are left
        out."""
        found: dict[str, tuple[int, int, int]] = {}
        for kind in TYPES:
            old = before.resources[kind] if before else {}
            new = self.resources[kind]
            changed = sum(1 for name in new.keys() & old.keys() if new[name].version != old[name].version)
            counts = (len(new.keys() - old.keys()), changed, len(old.keys() - new.keys()))
            if any(counts):
                found[SHORT[kind]] = counts
        return found

    def consistent(self) -> None:
        """Returns when every reference inside the snapshot has its target and weights add up.

        Raises Inconsistent with all problems.
        """
        problems = [problem for kind in TYPES for problem in self._problems(kind)]
        if problems:
            raise Inconsistent(problems)

    def _problems(self, kind: str) -> Iterator[str]:
        for resource in self.resources[kind].values():
            where = f"{SHORT[kind]} {resource.name}"
            for wanted_kind, wanted in _references(to_dict(resource.message())):
                if wanted_kind == _WEIGHTS:
                    yield f"{where}: {wanted}"
                elif not self._has(wanted_kind, wanted):
                    yield f"{where}: refers to {SHORT[wanted_kind]} {wanted!r}, which is not there"

    def _has(self, kind: str, name: str) -> bool:
        return name in self.resources[kind] or (kind == CDS and name in _BOOTSTRAP_CLUSTERS)


def _digest(resources: Iterable[Resource]) -> str:
    hashed = hashlib.sha256()
    for resource in resources:
        hashed.update(f"{resource.type_url}\0{resource.name}\0{resource.version}\0".encode())
    return hashed.hexdigest()[:16]


# --- references -----------------------------------------------------------------------------------------------------

_WEIGHTS = "weights"
_CLUSTER_LISTS = ("envoy.extensions.clusters.composite.v3.", "envoy.extensions.clusters.aggregate.v3.")


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """What a resource in Envoy's vocabulary refers to: (type, name), or (_WEIGHTS, a complaint)."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if not isinstance(value, dict):
        return
    yield from _own_references(value)
    for item in value.values():
        yield from _references(item)


def _own_references(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "sds_config" in value:
        yield SDS, value.get("name", "")
    if "route_config_name" in value:
        yield RDS, value["route_config_name"]
    if "config_discovery" in value:
        yield ECDS, value.get("name", "")
    for key in ("route", "envoy_grpc", "http_uri"):
        target = value.get(key)
        name = (target.get("cluster") or target.get("cluster_name")) if isinstance(target, dict) else None
        if isinstance(name, str):
            yield CDS, name
    if isinstance(value.get("weighted_clusters"), dict):
        yield from _weighted(value["weighted_clusters"].get("clusters", []))
    if str(value.get("@type", "")).rpartition("/")[2].startswith(_CLUSTER_LISTS):
        for item in value.get("clusters", []):
            yield CDS, item["name"] if isinstance(item, dict) else item


def _weighted(arms: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for arm in arms:
        yield CDS, arm.get("name", "")
    total = sum(arm.get("weight", 0) for arm in arms)
    if total != contract.BUCKETS:
        yield _WEIGHTS, f"weights sum to {total}, not {contract.BUCKETS}"
