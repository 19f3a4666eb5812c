"""Envoy's YAML vocabulary -> messages, and back."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pool, json_format

from forebay.envoy_api.build import EnvoyApiError, build, pack, serialize, to_dict, type_url
from forebay.envoy_api.messages import UnknownMessage, message, pool

CLUSTER = "envoy.config.cluster.v3.Cluster"
ROUTES = "envoy.config.route.v3.RouteConfiguration"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
FULL = {
    "name": "one",
    "type": "STRICT_DNS",
    "connect_timeout": "0.250s",
    "per_connection_buffer_limit_bytes": 32768,
    "outlier_detection": {"consecutive_5xx": 5, "base_ejection_time": "30s"},
    "load_assignment": {
        "cluster_name": "one",
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {"address": {"socket_address": {"address": "h", "port_value": 443}}},
                        "metadata": {"filter_metadata": {"forebay": {"model": "m", "a": [1, True, None, {"b": "c"}]}}},
                    }
                ]
            }
        ],
    },
    "typed_extension_protocol_options": {
        OPTIONS: {
            "@type": type_url(OPTIONS),
            "explicit_http_config": {"http2_protocol_options": {}},
            "http_filters": [
                {
                    "name": "codec",
                    "typed_config": {
                        "@type": type_url("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"),
                    },
                }
            ],
        }
    },
}


def test_a_cluster_with_everything_in_it_survives_the_way_there_and_back():
    """Durations, wrappers, structs, maps and nested Any."""
    made = build(CLUSTER, FULL)
    assert serialize(build(CLUSTER, to_dict(made))) == serialize(made)
    assert to_dict(made)["typed_extension_protocol_options"][OPTIONS]["@type"] == type_url(OPTIONS)


def test_consecutive_5xx_is_spelled_as_envoy_spells_it():
    """betterproto's JSON cannot."""
    found = to_dict(build(CLUSTER, {"outlier_detection": {"consecutive_5xx": 3}}))
    assert found == {"outlier_detection": {"consecutive_5xx": 3}}


def test_keys_come_out_sorted():
    """Golden files differ only where something differs."""
    assert list(to_dict(build(CLUSTER, {"type": "STRICT_DNS", "name": "x", "alt_stat_name": "y"}))) == [
        "alt_stat_name",
        "name",
        "type",
    ]


def test_an_empty_message_is_present():
    """`http2_protocol_options: {}` switches HTTP/2 on."""
    assert to_dict(build(CLUSTER, {"lrs_server": {}})) == {"lrs_server": {}}


def test_a_wrapped_zero_is_present():
    """Not the same as nothing."""
    assert to_dict(build(CLUSTER, {"per_connection_buffer_limit_bytes": 0})) == {"per_connection_buffer_limit_bytes": 0}


def test_none_is_left_out():
    """So translation may write `x or None`."""
    assert serialize(build(CLUSTER, {"name": None})) == b""


@pytest.mark.parametrize("given", [b"\x00\xffkey", "AP9rZXk="])
def test_bytes_are_bytes_or_base64(given):
    """Both spell the same value."""
    made = build("envoy.config.core.v3.DataSource", {"inline_bytes": given})
    assert made.inline_bytes == b"\x00\xffkey"


def test_an_enum_may_be_a_number():
    """As in Envoy's YAML."""
    assert serialize(build(CLUSTER, {"type": 1})) == serialize(build(CLUSTER, {"type": "STRICT_DNS"}))


def test_a_message_may_stand_for_its_dict():
    """Parts can be built apart; in an Any, too."""
    inner = build(OPTIONS, {"explicit_http_config": {"http2_protocol_options": {}}})
    made = build(CLUSTER, {"typed_extension_protocol_options": {OPTIONS: inner}})
    assert serialize(made) == serialize(build(CLUSTER, {"typed_extension_protocol_options": {OPTIONS: pack(inner)}}))


def test_a_struct_may_stand_in_an_any():
    """As protobuf's JSON has it: under `value`."""
    packed = pack({"@type": type_url("google.protobuf.Struct"), "value": {"a": 1}})
    assert packed.type_url == type_url("google.protobuf.Struct")
    assert packed.value == serialize(json_format.ParseDict({"a": 1}, message("google.protobuf.Struct")()))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"nmae": "x"}, "Cluster: envoy.config.cluster.v3.Cluster has no field 'nmae'"),
        ({"name": 1}, "Cluster.name: expected text"),
        ({"name": "\ud800"}, "Cluster.name: expected text"),
        ({"type": "STRICT_NDS"}, "Cluster.type: expected one of STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST"),
        ({"type": True}, "Cluster.type: expected one of"),
        ({"connect_timeout": "5"}, "Cluster.connect_timeout: expected a duration"),
        ({"connect_timeout": 5}, "Cluster.connect_timeout: not a Duration"),
        ({"per_connection_buffer_limit_bytes": -1}, "bytes: expected an integer from 0 to 4294967295"),
        ({"per_connection_buffer_limit_bytes": True}, "bytes: expected an integer"),
        ({"load_assignment": []}, "Cluster.load_assignment: expected a mapping"),
        ({"load_assignment": {"endpoints": {}}}, "Cluster.load_assignment.endpoints: expected a list"),
        ({"type": "EDS", "cluster_type": {}}, "only one of 'type' and 'cluster_type' may be set"),
        ({"typed_extension_protocol_options": {"a": {"@type": "x/no.Such"}}}, "['a']: unknown @type 'no.Such'"),
        ({"typed_extension_protocol_options": {"a": {}}}, "['a']: expected a mapping with '@type'"),
        ({"ignore_health_on_host_removal": "yes"}, "expected true or false"),
        ({"outlier_detection": {"interval": {"sec": 1}}}, "Cluster.outlier_detection.interval: not a Duration"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(data, complaint):
    """The path, the expectation; never the value."""
    with pytest.raises(EnvoyApiError) as refused:
        build(CLUSTER, data)
    assert complaint in str(refused.value)


def test_a_refusal_does_not_quote_the_value():
    """It may be a key."""
    with pytest.raises(EnvoyApiError) as refused:
        build("envoy.config.core.v3.DataSource", {"inline_bytes": "sk-secret!"})
    assert "sk-secret" not in str(refused.value)


def test_an_unknown_message_is_refused():
    """By name."""
    with pytest.raises(UnknownMessage, match=r"no\.Such"):
        build("no.Such", {})


@pytest.mark.parametrize(
    ("full_name", "data"),
    [
        ("envoy.config.core.v3.HeaderValueOption", {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}),
        ("envoy.extensions.filters.http.ext_proc.v3.ProcessingMode", {"response_body_mode": "FULL_DUPLEX_STREAMED"}),
        ("envoy.config.accesslog.v3.LogTypeFilter", {"types": ["UpstreamEnd"]}),
        (
            "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            {"enable_x_ratelimit_headers": "DRAFT_VERSION_03"},
        ),
    ],
)
def test_enum_values_have_envoys_names(full_name, data):
    """betterproto renames some."""
    assert to_dict(build(full_name, data)) == data


def test_equal_data_gives_equal_bytes_in_every_process():
    """Versions are hashes of them; hash seeds and the order of keys must not matter."""
    script = (
        "import hashlib, json, sys; from forebay.envoy_api.build import build, serialize;"
        "data = json.load(sys.stdin);"
        "turned = dict(reversed(data.items()));"
        "a, b = serialize(build(sys.argv[1], data)), serialize(build(sys.argv[1], turned));"
        "assert a == b; print(hashlib.sha256(a).hexdigest())"
    )
    many = {
        **FULL,
        "metadata": {"filter_metadata": {f"n{i}": {f"k{j}": j for j in range(9)} for i in range(9)}},
        "typed_extension_protocol_options": {
            f"e{i}": {
                "@type": type_url("envoy.config.route.v3.FilterConfig"),
                "config": {"@type": type_url("google.protobuf.Struct"), "value": {f"k{j}": "v" for j in range(9)}},
            }
            for i in range(9)
        },
    }
    digests = {
        subprocess.run(
            [sys.executable, "-c", script, CLUSTER],
            input=json.dumps(many),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(serialize(build(CLUSTER, many))).hexdigest() + "\n"}


def test_the_pool_is_private():
    """Packages with the same messages in the default pool do no harm."""
    assert pool() is not descriptor_pool.Default()
