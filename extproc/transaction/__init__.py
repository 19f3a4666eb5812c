"""The one state machine of an HTTP transaction: past-tense events in, imperative effects out.

    events         what Envoy or pending work told us
    effects        what must be done now
    holdings       how many bytes of bodies may be held at a time
    state          who may say what when: one table
    request_path   the request's story, read top to bottom
    response_path  the answer's story
    timing         what callers are told of the times
    stream_path    the story of an answer that is rewritten while it passes
    machine        the table and the stories put together; every path ends in exactly one outcome

No socket, clock, protobuf or global in here; time arrives in events.
"""
