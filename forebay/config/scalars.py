"""The small texts of a config and what they mean: durations, rates, sizes, addresses, URLs, names, references.

Each reader takes whatever the YAML held and returns the value, or raises ValueError with a message that fits behind
`path: ` and never repeats what was written. Each type carries its JSON Schema and a `Kind` for the documentation.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import PlainValidator, WithJsonSchema

from forebay.config.resolved import Address, Backend, Rate
from forebay.config.secrets import SecretReference


@dataclass(frozen=True, slots=True)
class Kind:
    """What documentation calls a type; `secret` marks the fields whose content is never shown."""

    word: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Url:
    """Where a provider answers. `base_path` has no trailing slash."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    base_path: str


NAME_PATTERN: Final = "[a-z0-9][a-z0-9-]{0,62}"  # tenants, providers, guards: they become headers and file names
MODEL_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9._/@+-]{0,127}"  # no ':', which separates the parts of a route's name
UPSTREAM_PATTERN: Final = "[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}"
BACKEND_PATTERN: Final = f"{NAME_PATTERN}/{UPSTREAM_PATTERN}"
_DURATION: Final = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)"
_RATE: Final = "([0-9]{1,9})/(s|m|h|d)"
_SIZE: Final = "([0-9]{1,12})(B|KiB|MiB|GiB)"
_REFERENCE: Final = r"\$\{(?:file:([^${}\x00-\x1f\x7f]{1,4096})|env:([A-Za-z_][A-Za-z0-9_]{0,255}))\}"
_FILE_REFERENCE: Final = r"\$\{file:[^${}\x00-\x1f\x7f]{1,4096}\}"
_CLAIM: Final = "[A-Za-z0-9_-]{1,128}"
_PATH: Final = r"[^\x00-\x1f\x7f]{1,4096}"
_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63}){0,40}"
_LINKED_HOST: Final = r"(?:[A-Za-z0-9_-]{1,63}\.){1,40}[A-Za-z0-9-]{1,63}"
_BASE_PATH: Final = r"(?:/[A-Za-z0-9_~.-]+)*"

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 24 * 3600.0
_BODY: Final = (1024, 64 * 1024**2)


def duration(value: object) -> float:
    """`10s` -> 10.0; up to 24 hours, in whole milliseconds."""
    match = re.fullmatch(_DURATION, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a duration with its unit: 500ms, 10s, 5m, 1h")
    seconds = round(float(match[1]) * _UNITS[match[2]], 3)
    if not 0 < seconds <= _LONGEST:
        raise ValueError("must be a duration from 1ms to 24h")
    return seconds


def rate(value: object) -> Rate:
    """`600/m` -> 600 in 60 seconds."""
    match = re.fullmatch(_RATE, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a rate: 10/s, 600/m, 5000/h, 100000/d")
    if int(match[1]) == 0:
        raise ValueError("must be a rate of at least 1")
    return Rate(int(match[1]), _UNITS[match[2]])


def size(value: object) -> int:
    """`20MiB` -> bytes, from 1 KiB to 64 MiB."""
    match = re.fullmatch(_SIZE, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a size with its unit: 512KiB, 20MiB")
    count = int(match[1]) * _BYTES[match[2]]
    if not _BODY[0] <= count <= _BODY[1]:
        raise ValueError("must be a size from 1KiB to 64MiB")
    return count


def port(value: object) -> int:
    """A TCP port."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise ValueError("must be a port from 1 to 65535")
    return value


def address(value: object) -> Address:
    """`8080` -> that port on loopback; `0.0.0.0:8080`, `[::1]:8080` -> as written."""
    if isinstance(value, int):
        return Address("127.0.0.1", port(value))
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+|localhost)):([0-9]{1,5})", str(value))
    if match is None:
        raise ValueError('must be a port (on loopback) or an IP address with a port: 8080, "0.0.0.0:8080", "[::]:8080"')
    host = match[1] or match[2]
    if host == "localhost":
        host = "127.0.0.1"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError('must hold an IP address: "0.0.0.0:8080", "[::]:8080"') from None
    return Address(host, port(int(match[3])))


def reference(value: object) -> SecretReference:
    """`${file:...}` or `${env:...}`; a relative file stays relative until the config is resolved."""
    match = re.fullmatch(_REFERENCE, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be ${file:PATH} or ${env:NAME}; secrets are not written into the config")
    return SecretReference("file", match[1]) if match[1] else SecretReference("env", match[2])


def file_reference(value: object) -> SecretReference:
    """`${file:...}` alone."""
    if isinstance(value, str) and re.match("https?://", value):
        raise ValueError("a URL is not in this version; save the key set and write ${file:PATH}")
    if not isinstance(value, str) or re.fullmatch(_FILE_REFERENCE, value) is None:
        raise ValueError("must be ${file:PATH}")
    return reference(value)


def backend(value: object) -> Backend:
    """`provider/model`; the model's part may hold slashes."""
    if not isinstance(value, str) or re.fullmatch(BACKEND_PATTERN, value) is None:
        raise ValueError("must be provider/model, such as openai/gpt-4o-mini")
    provider, _, model = value.partition("/")
    return Backend(provider, model)


def url(value: object) -> Url:
    """`https://host[:port][/base]`: what stands before `/chat/completions`."""
    if not isinstance(value, str):
        raise ValueError("must be a URL: https://api.example.com/v1")
    try:
        parts = urlsplit(value)
        number = parts.port
    except ValueError:
        raise ValueError("must be a URL: https://api.example.com/v1") from None
    if "@" in value or "?" in value or "#" in value:
        raise ValueError("must be a URL without credentials, query and fragment")
    if parts.scheme not in _PORTS:
        raise ValueError("must start with https:// or http://")
    path = parts.path.rstrip("/")
    if re.fullmatch(_BASE_PATH, path) is None or {".", ".."} & set(path.split("/")):
        raise ValueError("must have a plain path, such as /v1")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Url(scheme, _host(parts), _PORTS[scheme] if number is None else port(number), path)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise ValueError("must hold a host name or an IP address") from None
    if len(host) > 253 or re.fullmatch(_HOST, host) is None:
        raise ValueError("must hold a host name or an IP address")
    return host


def linked_host(value: object) -> str:
    """`example.com`, in lower case: a name of two parts at least, since everything below it counts as well."""
    if not isinstance(value, str) or re.fullmatch(_LINKED_HOST, value) is None or len(value) > 253:
        raise ValueError("must be a host name with a dot, without scheme, port, path and wildcard: example.com")
    return value.lower()


def path(value: object) -> Path:
    """A file path, relative to the config file."""
    if not isinstance(value, str) or re.fullmatch(_PATH, value) is None:
        raise ValueError("must be a file path")
    return Path(value)


def version(value: object) -> int:
    """`1`."""
    if isinstance(value, bool) or value != 1 or not isinstance(value, int):
        raise ValueError("must be 1, the only version of this format")
    return value


def _matching(pattern: str, message: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise ValueError(message)
        return value

    return read


_name = _matching(NAME_PATTERN, "must be a name of a-z, 0-9 and '-', up to 63 characters")
_model_name = _matching(
    MODEL_PATTERN, "must be a model name of letters, digits and . _ / @ + - (no ':'), up to 128 characters"
)
_claim = _matching(_CLAIM, "must be the name of a top-level claim: letters, digits, '_' and '-'")
_text = _matching(r"[\x21-\x7e]{1,1024}", "must be text of printable ASCII without spaces")


def _pattern(expression: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{expression})$", "examples": [example]})


_ADDRESS_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string", "pattern": ":[0-9]{1,5}$"}]}
)

Duration = Annotated[float, PlainValidator(duration), _pattern(_DURATION, "10s"), Kind("duration")]
RateText = Annotated[Rate, PlainValidator(rate), _pattern(_RATE, "600/m"), Kind("rate")]
Size = Annotated[int, PlainValidator(size), _pattern(_SIZE, "20MiB"), Kind("size")]
Port = Annotated[
    int, PlainValidator(port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535}), Kind("port")
]
Listener = Annotated[Address, PlainValidator(address), _ADDRESS_SCHEMA, Kind("port, or address:port")]
Reference = Annotated[
    SecretReference,
    PlainValidator(reference),
    _pattern(_REFERENCE, "${file:/run/secrets/key}"),
    Kind("`${file:…}` or `${env:…}`", secret=True),
]
FileReference = Annotated[
    SecretReference,
    PlainValidator(file_reference),
    _pattern(_FILE_REFERENCE, "${file:jwks.json}"),
    Kind("`${file:…}`", secret=True),
]
BackendName = Annotated[
    Backend, PlainValidator(backend), _pattern(BACKEND_PATTERN, "openai/gpt-4o-mini"), Kind("provider/model")
]
ProviderUrl = Annotated[
    Url, PlainValidator(url), _pattern("https?://[^@?#]+", "https://api.example.com/v1"), Kind("URL")
]
Host = Annotated[str, PlainValidator(linked_host), _pattern(_LINKED_HOST, "cdn.example.com"), Kind("host")]
FilePath = Annotated[Path, PlainValidator(path), _pattern(_PATH, "ca.pem"), Kind("path")]
FilePattern = Annotated[Path, PlainValidator(path), _pattern(_PATH, "policies/*.rego"), Kind("path pattern")]
Version = Annotated[int, PlainValidator(version), WithJsonSchema({"const": 1}), Kind("1")]
Name = Annotated[str, PlainValidator(_name), _pattern(NAME_PATTERN, "acme"), Kind("name")]
ModelName = Annotated[str, PlainValidator(_model_name), _pattern(MODEL_PATTERN, "gpt-4o-mini"), Kind("model name")]
Claim = Annotated[str, PlainValidator(_claim), _pattern(_CLAIM, "team"), Kind("claim")]
Text = Annotated[str, PlainValidator(_text), _pattern(r"[\x21-\x7e]{1,1024}", "llm"), Kind("text")]
