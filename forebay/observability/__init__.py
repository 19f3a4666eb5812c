"""What every part of the gateway uses to be seen from outside.

logging          one line format, secrets and personal data masked, errors described without their values
health           questions to our own parts: gRPC health, HTTP over a Unix socket
probe            the readiness probe through the listener, both sides of it
"""
