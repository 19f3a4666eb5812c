"""SDS: provider keys and the listener's certificate. Always a reference; what it points at is read by Envoy alone."""

from forebay import contract
from forebay.config.resolved import Resolved
from forebay.config.secrets import SecretReference
from xds.translate.machine import Machine
from xds.translate.shapes import Json


def secrets(resolved: Resolved, machine: Machine) -> list[Json]:
    """One secret per provider with a key, and the certificate of the https listener."""
    found = [
        {"name": contract.provider_secret(provider.name), "generic_secret": {"secret": source(provider.key, machine)}}
        for provider in resolved.providers.values()
        if provider.key
    ]
    https = resolved.listen.https
    if https:
        certificate = {
            "certificate_chain": source(https.certificate, machine),
            "private_key": source(https.key, machine),
        }
        found.append({"name": contract.CERTIFICATE, "tls_certificate": certificate})
    return found


def source(reference: SecretReference, machine: Machine) -> Json:
    """The DataSource of a reference."""
    if reference.kind == "env":
        return {"environment_variable": reference.name}
    return {"filename": machine.path_of(reference.name)}
