"""The shared language of the gateway, and the command that starts it.

A request's way, room by room:

    envoy            carries the bytes: TLS, keys and JWTs, limits, routes, retries, provider credentials
    extproc          reads and rewrites the body: guard, redact, decide, count (Envoy calls it once per request)
    xds              turns one YAML file into everything Envoy knows
    forebay.record   one JSON line per request and per attempt, written by Envoy, read by the recorder

What both planes must agree on lives here and nowhere else:

    config/          YAML -> typed model -> resolved, with a digest
    contract         names of headers, metadata, clusters and routes
    outcomes         the closed lists of outcomes and reasons, with status and wording
    frozen           dataclasses that nobody changes, at the price of others
    places           the files and sockets of a running gateway
    semconv          OpenTelemetry GenAI names, pinned by a test
    envoy_api/       Envoy's messages as fast protobuf classes
    observability/   logging without secrets, health
    mock/            a provider without an account, for the demo, tests and first steps
    supervise/       starting, watching and draining the parts of one gateway
    cli/             one file per verb; the only package that may import every other
"""
