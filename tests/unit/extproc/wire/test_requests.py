"""The head of a call: timeouts and what is kept of it. What is malformed is in test_protocol_errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.wire.errors import CallRefused
from extproc.wire.events import Request
from extproc.wire.requests import Malformed, are_trailers, read_request

CALL = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b"content-type", b"application/grpc"))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"1H", 3600), (b"2M", 120), (b"3S", 3), (b"40m", 0.04), (b"5u", 5e-6), (b"6n", 6e-9), (b"0S", 0)],
)
def test_a_timeout_is_read_in_its_unit(value, seconds):
    """Hours to nanoseconds."""
    request = read_request((*CALL, (b"grpc-timeout", value)))
    assert isinstance(request, Request)
    assert request.timeout == pytest.approx(seconds)


@pytest.mark.parametrize("value", [b"", b"1", b"S", b"-1S", b"1s", b"123456789S", b"1S ", "١S".encode()])
def test_a_timeout_of_another_form_is_refused(value):
    """At most eight digits and a unit; a call whose deadline is unknown is not taken up."""
    assert isinstance(read_request((*CALL, (b"grpc-timeout", value))), CallRefused | Malformed)


@pytest.mark.parametrize("value", [b"application/grpc", b"application/grpc+proto", b"Application/gRPC; charset=x"])
def test_a_content_type_may_go_on(value):
    """`+proto` and parameters are gRPC's; `application/grpc-web` is something else."""
    assert isinstance(read_request((*CALL[:3], (b"content-type", value))), Request)
    other = read_request((*CALL[:3], (b"content-type", b"application/grpc-web")))
    assert isinstance(other, CallRefused)
    assert other.http == 415


def test_metadata_is_all_but_the_pseudo_headers():
    """In order, repeated names included."""
    more = ((b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"7"))
    assert read_request(CALL + more) == Request("/s/m", None, (*CALL[3:], *more), 7)


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20))))
def test_any_headers_get_an_answer(headers):
    """Whatever stands in them, nothing is raised."""
    assert isinstance(read_request(tuple(headers)), Request | CallRefused | Malformed)
    assert are_trailers(tuple(headers)) in {True, False}
