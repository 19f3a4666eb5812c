"""Versions, counts and references."""

import pytest
from small_snapshots import cluster, injector, listener, routes, secret

from forebay import contract
from forebay.envoy_api.build import build, type_url
from xds.snapshot import CDS, RDS, SDS, Inconsistent, Resource, Snapshot


def problems(*messages):
    with pytest.raises(Inconsistent) as found:
        Snapshot.of(messages).consistent()
    return found.value.problems


def test_equal_resources_give_an_equal_version_in_any_order():
    """Two control planes agree."""
    one = Snapshot.of([cluster("a"), cluster("b"), routes("a")])
    other = Snapshot.of([routes("a"), cluster("b"), cluster("a")])
    assert one.version == other.version


def test_a_change_of_one_type_leaves_the_versions_of_the_others():
    """A weight travels alone."""
    before = Snapshot.of([cluster("a"), cluster("b"), routes("a")])
    after = Snapshot.of([cluster("a"), cluster("b"), routes("a", "b")])
    assert before.type_version(CDS) == after.type_version(CDS)
    assert before.type_version(RDS) != after.type_version(RDS)
    assert before.version != after.version


def test_changes_are_counted_by_type():
    """New, changed, gone."""
    before = Snapshot.of([cluster("a"), cluster("b"), routes("a")])
    after = Snapshot.of([cluster("a", 7), cluster("c"), routes("a")])
    assert after.changes(before) == {"CDS": (1, 1, 1)}
    assert before.changes(None) == {"CDS": (2, 0, 0), "RDS": (1, 0, 0)}


def test_a_name_that_is_used_twice_is_refused():
    """Envoy would refuse the whole response."""
    with pytest.raises(ValueError, match="two CDS resources are named 'a'"):
        Snapshot.of([cluster("a"), cluster("a", 2)])


def test_a_resource_without_a_name_is_refused():
    """It could never be subscribed."""
    with pytest.raises(ValueError, match="a CDS resource has no name"):
        Resource.of(cluster(""))


def test_a_type_that_is_not_served_is_refused():
    """A defect of the translation."""
    with pytest.raises(ValueError, match="is not served"):
        Resource.of(build("envoy.config.core.v3.Node", {"id": "n"}))


def test_secrets_are_in_no_repr():
    """Neither of the snapshot nor of a resource."""
    made = Snapshot.of([secret("key")])
    assert "sk-in-the" not in repr(made) + repr(made.resources[SDS]["key"]) + str(dict(made.resources[SDS]))


def test_a_snapshot_whose_references_all_have_targets_is_consistent():
    """Nothing is raised."""
    assert Snapshot.of([listener(), routes("a"), cluster("a")]).consistent() is None


def test_every_dangling_reference_is_named():
    """All at once."""
    assert problems(listener(rds="elsewhere"), routes("a", "b"), cluster("b")) == (
        "LDS in: refers to RDS 'elsewhere', which is not there",
        "RDS ingress: refers to CDS 'a', which is not there",
    )


def test_the_cluster_of_the_bootstrap_is_there():
    """Nobody serves it over ADS."""
    assert Snapshot.of([routes(contract.XDS_CLUSTER)]).consistent() is None


def test_weights_that_do_not_add_up_are_named():
    """Another total would move conversations between arms."""
    action = {"weighted_clusters": {"clusters": [{"name": "a", "weight": 9}]}}
    host = {"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": action}]}
    made = build("envoy.config.route.v3.RouteConfiguration", {"name": "r", "virtual_hosts": [host]})
    assert problems(made, cluster("a")) == ("RDS r: weights sum to 9, not 10000",)


def test_the_parts_of_a_composite_cluster_must_be_there():
    """A fallback to nowhere."""
    config = {
        "@type": type_url("envoy.extensions.clusters.composite.v3.ClusterConfig"),
        "clusters": [{"name": "a"}, {"name": "b"}],
    }
    outer = build(
        "envoy.config.cluster.v3.Cluster",
        {"name": "outer", "cluster_type": {"name": "envoy.clusters.composite", "typed_config": config}},
    )
    assert problems(outer, cluster("a")) == ("CDS outer: refers to CDS 'b', which is not there",)


def test_secrets_and_extension_configs_that_are_referred_to_must_be_there():
    """Envoy would wait for them without a word."""
    keys = {"name": "keys", "config_discovery": {"config_source": {"ads": {}}, "type_urls": ["x"]}}
    assert problems(listener(filters=(injector("key:one"), keys)), routes("a"), cluster("a")) == (
        "LDS in: refers to SDS 'key:one', which is not there",
        "LDS in: refers to ECDS 'keys', which is not there",
    )


def test_the_clusters_of_grpc_services_must_be_there():
    """The processor's, above all."""
    processor = {
        "name": "p",
        "typed_config": {
            "@type": type_url("envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"),
            "grpc_service": {"envoy_grpc": {"cluster_name": "extproc"}},
        },
    }
    found = problems(listener(filters=(processor,)), routes("a"), cluster("a"))
    assert found == ("LDS in: refers to CDS 'extproc', which is not there",)
