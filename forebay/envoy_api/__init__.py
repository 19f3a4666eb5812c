"""Envoy's own messages, spoken through the fast protobuf engine (upb).

    messages      full name -> message class; what everybody else calls
    build         the vocabulary of Envoy's YAML -> message, and back
    catalogue     which messages there are: the roots, everything they refer to follows
    derive        envoy-data-plane's metadata -> descriptors
    generate      writes `descriptors.binpb`; run it after a change of the catalogue or of envoy-data-plane

At run time only `descriptors.binpb` is read: importing envoy-data-plane costs two thirds of a second.
"""
