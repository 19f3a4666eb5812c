"""Envoy's short text about its calls of the processor."""

from hypothesis import given
from hypothesis import strategies as st

from forebay.record.processor import calls_of_the_processor


def test_each_number_gets_its_name() -> None:
    """As Envoy 1.40 prints them for a call whose answer was read in one piece."""
    text = "rh:846:0,rb:1:3467:0,sh:408:0,sb:2:252:0,st:7:0,bs:1665,br:849,os:0,ds:extproc"
    assert calls_of_the_processor(text) == {
        "request_header_latency_us": 846,
        "request_header_call_status": 0,
        "request_body_call_count": 1,
        "request_body_total_latency_us": 3467,
        "request_body_last_call_status": 0,
        "response_header_latency_us": 408,
        "response_header_call_status": 0,
        "response_body_call_count": 2,
        "response_body_total_latency_us": 252,
        "response_body_last_call_status": 0,
        "response_trailer_latency_us": 7,
        "response_trailer_call_status": 0,
        "bytes_sent": 1665,
        "bytes_received": 849,
    }


def test_where_the_processor_was_not_asked_there_is_nothing() -> None:
    """Envoy's marks for what is absent."""
    assert calls_of_the_processor("-") == calls_of_the_processor("") == calls_of_the_processor(None) == {}


@given(st.text(max_size=600))
def test_no_text_raises(text: str) -> None:
    """A later Envoy may print something else; what is no number is not published."""
    assert all(isinstance(value, int) for value in calls_of_the_processor(text).values())
