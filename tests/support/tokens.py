"""An identity provider for tests: two signing keys, their JWKS, and tokens of every sort."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER = "https://idp.test"
AUDIENCE = "llm"


class Issuer:
    """Signs with RS256 (`kid` r1) and ES256 (`kid` e1)."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> str:
        """The key set, as an identity provider publishes it."""
        one = jwt.algorithms.RSAAlgorithm.to_jwk(self.rsa.public_key(), as_dict=True)
        two = jwt.algorithms.ECAlgorithm.to_jwk(self.ec.public_key(), as_dict=True)
        return json.dumps({"keys": [one | _about("r1", "RS256"), two | _about("e1", "ES256")]})

    def public_pem(self) -> bytes:
        """The RSA key's public half: what everybody may know."""
        return self.rsa.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def token(
        self, algorithm: str = "RS256", key: Any = None, headers: dict[str, Any] | None = None, **more: Any
    ) -> str:
        """A token that is accepted unless something spoils it; a claim of None is left out."""
        signing, kid = (self.rsa, "r1") if algorithm == "RS256" else (self.ec, "e1")
        kept = {name: value for name, value in claims(**more).items() if value is not None}
        named = {"kid": kid, **(headers or {})}
        return jwt.encode(kept, key or signing, algorithm, {name: each for name, each in named.items() if each})


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of an analyst of team acme."""
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 600,
        "sub": "ann@example.com",
        "team": "acme",
        "roles": ["analyst"],
    }
    return usual | changes


def _about(kid: str, algorithm: str) -> dict[str, str]:
    return {"kid": kid, "alg": algorithm, "use": "sig"}
