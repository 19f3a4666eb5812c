"""Resolved config -> xDS resources. Pure: the same input gives the same bytes; no file, clock or network.

One file per resource type:

    listener           LDS: the ingress gate's listeners and their connection manager
    route              RDS: one exact-match map from x-forebay-route to arms, retries, timeouts
    cluster            CDS: one sub-cluster per backend, one composite cluster per arm, the inspectors
    secret             SDS: provider keys and the certificate, always by reference
    extension_config   ECDS: the API keys, rotated without draining

One file per filter of the ingress gate, in walking order (the order itself is `chain.INGRESS`):

    early_headers      the caller's x-forebay-* and x-envoy-*: gone before anything reads them
    client_limit       per client address, before anyone can guess keys
    authentication     JWT or API key, told apart by shape
    identity           one identity out of either; credentials dropped; unknown tenants refused
    tenant_limit       per tenant
    admission          x-forebay-admitted, and nothing internal in an answer
    processor          ext_proc, for admitted requests only
    verdict_net        nothing passes without the processor's verdict
    provider_answers   what a caller gets to see of a provider's error
    router             the attempts, each with a line in the record

and around them:

    egress             the composite clusters' upstream filters: once per attempt
    apis               how providers of each API are spoken to
    egress_lua         the one thing Envoy's own filters cannot do there: the model's bytes and the path
    upstream_tls       verified TLS towards a provider
    retries            the config's words for retries and timeouts -> Envoy's
    local_reply        Envoy's own errors in OpenAI's shape
    record             the fields of the two kinds of record lines
    keys               KeyRing: who owns which API key
    shapes             the small forms that recur in Envoy's vocabulary
    bootstrap          what Envoy is started with, and its command line
    machine            what is to be known of the machine: links, certificate authorities (reads the file system)
    translation        all of it: `translate(resolved, places, keys)`
"""
