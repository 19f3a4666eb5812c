"""gRPC health of an inspector, on a socket of its own: it answers while exchanges drain, and if their transport fails.

Source: grpc/health/v1/health.proto.
"""

from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from forebay import contract

CONFIG_LOADED = "forebay.config"  # what readiness is made of
POLICY_COMPILED = "forebay.policy"
SERVICES = ("", contract.EXTPROC_SERVICE, CONFIG_LOADED, POLICY_COMPILED)


class Health:
    """Answers for this process. Whoever asks in vain knows that its event loop is stuck."""

    def __init__(self) -> None:
        self._server = grpc.aio.server()
        self._checks = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._checks, self._server)

    async def start(self, socket: Path) -> None:
        """Say SERVING from now on. Raises RuntimeError or OSError when `socket` cannot be listened on."""
        for service in SERVICES:
            await self._checks.set(service, health_pb2.HealthCheckResponse.SERVING)
        self._server.add_insecure_port(f"unix:{socket}")
        await self._server.start()

    async def leaving(self) -> None:
        """Say NOT_SERVING from now on."""
        await self._checks.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Say nothing more."""
        await self._server.stop(None)
