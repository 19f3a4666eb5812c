"""Verified TLS towards a provider, stated where Envoy listens for it.

The obvious settings, `auto_sni` and `auto_san_validation` among a sub-cluster's HTTP options, are silently ignored
under a composite cluster: the connection succeeds, without SNI and without a look at the certificate's name.
"""

import ipaddress
from pathlib import Path

from xds.translate.shapes import Json, extension


def upstream_tls(host: str, ca: Path) -> Json:
    """The transport socket of one provider: TLS 1.2 or newer, name or address and signature by `ca` verified."""
    validation: Json = {"trusted_ca": {"filename": str(ca)}}
    naming: Json = {"auto_host_sni": True, "auto_sni_san_validation": True}
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass  # a name: the usual case
    else:
        # an address cannot be an SNI, so it is compared with the certificate by name of its kind
        expected = {"san_type": "IP_ADDRESS", "matcher": {"exact": str(address)}}
        validation["match_typed_subject_alt_names"] = [expected]
        naming = {}
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        {
            **naming,
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
                "validation_context": validation,
            },
        },
    )
