"""The one record: a JSON line per request and per attempt, in walking order.

line             one line of Envoy's file: which kind, or torn
processor        Envoy's own numbers about the processor, out of its short text
scalars          an untrusted JSON value -> a safe scalar or null
classify         how a request ended and why: one table over what Envoy and the processor say
model            the record as it is published
publish          a line -> its record
attempts         a request's attempts, remembered until its own line comes
checkpoint       how far the input is read and the output written: one fact, one file
source           the file that Envoy writes: rotated, truncated, replaced
output           the file that everybody else reads, and its retention
tail             the three above in lock-step: every line published exactly once
catalogue        every metric: name, type, labels, meaning
tallies          numbers by metric and labels, shown to Prometheus by its own library
metrics          records -> tallies, with bounded labels
endpoint         /metrics, /livez, /readyz over a Unix socket and, if configured, TCP
recorder         the process that does all this
pages            the JSON Schema and the pages of docs/, generated from the code above
"""
