"""The data plane's processor: what Envoy asks about each request, in walking order.

server           one inspector as a process
wire_transport   one gRPC stream in, one driver out, over a wire of our own
wire/            that wire: HTTP/2 and gRPC framing, sans-io
grpcio_transport the same over grpcio, the reference
health           gRPC health, on a socket of its own
codec            Envoy's messages <-> events and effects
driver           performs effects under deadlines and feeds the answers back
turns            whose slice of a large piece is next: one in each round of the loop
transaction/     the one state machine of an HTTP transaction: no socket, clock or protobuf
messages/        what an LLM body means: spans, chat, embeddings, answers, errors
streams/         streamed answers, rewritten while they pass
compiled         whether the hot path was compiled when the package was built
apart            a process beside this one, for work that would hold up the loop
rota             whose job is next there: tenants in rotation
inspector        small bodies on the spot, larger ones apart
inspection       one body in, everything the guard knows about it out (pure)
pattern_store    compiled detector patterns in files
detectors/       prompt injection, personal data, secrets; normalisation; placeholders
risk             findings -> score 0-100 with its addends
redactable       what a policy may demand the redaction of
policy/          the Rego decision: input document, worker process, verdict
usage/           tokens and cost
runtime          resolved config -> everything above, compiled; swapped as one reference
"""
