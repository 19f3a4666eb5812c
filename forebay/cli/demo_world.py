"""The world of the demo: a config as a newcomer would write one, its keys and its rule, in a folder of its own."""

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from forebay.supervise.ports import free_port

CONFIG = """\
version: 1
listen: {{http: "127.0.0.1:{port}"}}

providers:                       # two mock providers: OpenAI-shaped, inside this gateway
  one: {{type: mock, key: "${{file:{folder}/keys/one}}"}}
  two: {{type: mock, key: "${{file:{folder}/keys/two}}"}}

models:                          # the names callers use
  chat: one/gpt-4o-mini
  half:                          # a canary: a tenth of the users is served by `two`
    backends: [{{use: one/gpt-4o-mini, weight: 90}}, {{use: two/gpt-4o-mini, weight: 10}}]
    sticky: user
  safe:                          # `one` first; `two` when it fails
    backends: [{{use: one/gpt-4o, weight: 100}}]
    fallback: [two/gpt-4o]

tenants:
  acme: {{keys: ["${{file:{folder}/keys/acme}}"]}}
  small: {{keys: ["${{file:{folder}/keys/small}}"], limits: {{requests: 3/m}}}}

policies: {{files: ["{folder}/rules.rego"]}}
"""

RULES = """\
package forebay.rules.tools

deny contains {"code": "TOOL_NOT_ALLOWED", "message": "delete_database is not allowed", "public": true} if {
	some tool in input.tools
	tool.name == "delete_database"
}
"""


@dataclass(frozen=True, slots=True)
class World:
    """The folder of one demo, and the callers' keys in it."""

    folder: Path
    config: Path
    acme: str
    small: str


def build() -> World:
    """Write a demo's config, rule and keys (0600) to a new folder (0700) below the temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="forebay-demo-"))
    keys = {name: f"demo-{name}-{secrets.token_hex(12)}" for name in ("one", "two", "acme", "small")}
    (folder / "keys").mkdir(mode=0o700)
    for name, key in keys.items():
        path = folder / "keys" / name
        path.touch(mode=0o600)
        path.write_text(f"{key}\n", "utf-8")
    (folder / "rules.rego").write_text(RULES, "utf-8")
    config = folder / "forebay.yaml"
    config.write_text(CONFIG.format(port=free_port(), folder=folder), "utf-8")
    return World(folder, config, keys["acme"], keys["small"])
