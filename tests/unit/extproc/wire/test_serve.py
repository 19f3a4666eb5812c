"""Where the wire listens, whom it lets in, and how it stops."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from extproc.wire import frames
from extproc.wire.exchanges import Answer
from extproc.wire.grpc_messages import PREFIX
from extproc.wire.header_blocks import encoded
from extproc.wire.serve import PlaintextRefused, Wire

PATH = "/s/m"
HEAD = b"\x20" + encoded(
    [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b"content-type", b"application/grpc")]
)
GREETING = frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0) + frames.frame(frames.SETTINGS, frames.ACK, 0)


class Echo:
    """Answers at once."""

    def receive(self, message):
        """The same."""
        return Answer((message,))

    def closed(self):
        """Nothing is held."""


def wire():
    """A wire that echoes."""
    return Wire({PATH: lambda request, send: Echo()})


def call(stream_id, message, flags=0):
    """A call with one message."""
    data = frames.frame(frames.DATA, flags, stream_id, PREFIX.pack(0, len(message)) + message)
    return frames.frame(frames.HEADERS, frames.END_HEADERS, stream_id, HEAD) + data


async def read_until(reader, what):
    """Everything up to some bytes."""
    async with asyncio.timeout(5):
        seen = b""
        while what not in seen:
            data = await reader.read(65_536)
            assert data, seen
            seen += data
        return seen


def test_the_socket_is_for_this_user_alone(tmp_path):
    """0600 from before anybody can connect; what an earlier process left is removed."""

    async def main():
        path = tmp_path / "s.sock"
        path.touch()
        served = wire()
        await served.listen_unix(path)
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(GREETING + call(1, b"hello"))
        await read_until(reader, b"hello")
        writer.close()
        await served.stop(0.1)

    asyncio.run(main())


def test_a_path_that_cannot_be_used_is_an_error(tmp_path):
    """OSError, and nothing is left open."""
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(wire().listen_unix(tmp_path / "nowhere" / "s.sock"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "gateway.example"])
def test_plaintext_stays_on_the_machine(host):
    """With a sentence that says what to do."""
    with pytest.raises(PlaintextRefused, match="give it TLS, or listen on"):
        asyncio.run(wire().listen_tcp(host, 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_plaintext_on_loopback_is_served(host):
    """For tests and for sidecars without a shared folder."""

    async def main():
        served = wire()
        port = await served.listen_tcp(host, 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
        writer.write(GREETING + call(1, b"hello"))
        await read_until(reader, b"hello")
        writer.close()
        await served.stop(0.1)

    asyncio.run(main())


@pytest.fixture
def contexts(tmp_path):
    """TLS for a server and for a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "extproc")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = tmp_path / "cert.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize("protocols", [["h2"], ["http/1.1"], []])
def test_tls_needs_http_2_agreed_on(contexts, protocols):
    """By ALPN; a peer that agrees on anything else, or on nothing, is closed without a word."""

    async def main():
        server, client = contexts
        served = wire()
        port = await served.listen_tcp("127.0.0.1", 0, server)
        if protocols:
            client.set_alpn_protocols(protocols)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        except OSError:  # OpenSSL may end the handshake already
            assert protocols == ["http/1.1"]
            await served.stop(0.1)
            return
        writer.write(GREETING + call(1, b"hello"))
        if protocols == ["h2"]:
            await read_until(reader, b"hello")
        else:
            with pytest.raises((OSError, AssertionError)):
                await read_until(reader, b"hello")
        writer.close()
        await served.stop(0.1)

    asyncio.run(main())


def test_a_stop_lets_open_calls_end(tmp_path):
    """No new connection, GOAWAY for the old one, and the call that is open gets its answers."""

    async def main():
        path = tmp_path / "s.sock"
        served = wire()
        await served.listen_unix(path)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(GREETING + call(1, b"first"))
        await read_until(reader, b"first")
        stopping = asyncio.ensure_future(served.stop(5))
        await read_until(reader, b"draining")
        with pytest.raises(OSError, match=r"refused|No such file"):
            await asyncio.open_unix_connection(str(path))
        writer.write(frames.frame(frames.PING, frames.ACK, 0, b"draining"))
        writer.write(frames.frame(frames.DATA, frames.END_STREAM, 1, PREFIX.pack(0, 6) + b"second"))
        await read_until(reader, b"second")
        await asyncio.wait_for(stopping, 2)
        assert await reader.read() == b""
        writer.close()

    asyncio.run(main())


def test_a_stop_cuts_off_what_does_not_end(tmp_path):
    """After its time."""

    async def main():
        path = tmp_path / "s.sock"
        served = wire()
        await served.listen_unix(path)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(GREETING + call(1, b"first"))
        await read_until(reader, b"first")
        await asyncio.wait_for(served.stop(0.1), 2)
        await asyncio.wait_for(reader.read(), 2)
        assert reader.at_eof()
        writer.close()

    asyncio.run(main())
