"""The order of the ingress gate's filters. Each entry says why it stands where it stands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from forebay.config.resolved import Resolved
from forebay.places import Places
from xds.translate.admission import admission
from xds.translate.authentication import authentication
from xds.translate.client_limit import client_limit
from xds.translate.identity import identity, known_tenants, tenant_net
from xds.translate.machine import Machine
from xds.translate.processor import processor
from xds.translate.provider_answers import provider_answers
from xds.translate.router import router
from xds.translate.shapes import Json
from xds.translate.tenant_limit import tenant_limit
from xds.translate.verdict_net import verdict_net


@dataclass(frozen=True, slots=True)
class Plan:
    """What a step may look at."""

    resolved: Resolved
    places: Places
    machine: Machine


Step = Callable[[Plan], list[Json]]

INGRESS: Final[tuple[Step, ...]] = (
    # before authentication: guessing keys is what it limits
    lambda plan: [client_limit(plan.resolved.listen.client_limit)],
    # 401, or the result of one credential in one header
    lambda plan: [authentication(plan.resolved.auth, plan.machine)],
    # the result becomes the identity; the credential is dropped before anybody else could see it
    lambda plan: identity(plan.resolved.auth.none),
    # an identity that is nobody's goes no further: limits and the processor may rely on the tenant
    lambda plan: [tenant_net(known_tenants(plan.resolved))],
    lambda plan: tenant_limit(plan.resolved.tenants),
    # after everything that answers 401, 403 or 429: the processor sees none of those
    lambda plan: [admission()],
    lambda plan: [processor()],
    # directly behind the processor: no filter in between could be skipped over
    lambda plan: [verdict_net()],
    # nearest to the router, so that the processor sees an answer only after it was made presentable
    lambda plan: [provider_answers()],
    lambda plan: [router(str(plan.places.envoy_record))],
)


def http_filters(resolved: Resolved, places: Places, machine: Machine) -> list[Json]:
    """The whole chain for one config."""
    plan = Plan(resolved, places, machine)
    return [each for step in INGRESS for each in step(plan)]
