"""Values out of spans that overlap."""

from hypothesis import given
from hypothesis import strategies as st

from extproc.findings import Span
from extproc.messages.overlaps import Value, merged, news


def test_what_is_covered_already_is_no_news() -> None:
    """Else one value would be counted twice."""
    spans = [(Span(0, 9, "A"),), ()]
    assert news(spans, [("B", [(0, 2, 5)])]) == []
    assert news(spans, [("B", [(0, 2, 9), (1, 0, 3)])] * 2) == [Value("B", ((0, 2, 9), (1, 0, 3)))]


def test_values_that_overlap_become_the_longest_one_over_all_of_them() -> None:
    """Half a value is still a value."""
    spans = [(Span(0, 2, "A"), Span(8, 12, "B")), (Span(6, 7, "C"),)]
    assert merged(spans, [Value("D", ((0, 10, 20), (1, 0, 4)))]) == [
        Value("A", ((0, 0, 2),)),
        Value("D", ((0, 8, 20), (1, 0, 4))),
        Value("C", ((1, 6, 7),)),
    ]


STRETCHES = st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(1, 8)).map(lambda s: (s[0], s[1], s[1] + s[2]))
VALUES = st.lists(st.lists(STRETCHES, min_size=1, max_size=3).map(lambda s: Value("T", tuple(sorted(s)))), max_size=8)


@given(VALUES)
def test_merged_values_are_disjoint_and_cover_what_was_found(values: list[Value]) -> None:
    """No character is edited twice, and none stays readable."""
    points = [
        (text, at)
        for value in merged([(), (), (), ()], values)
        for text, start, end in value.stretches
        for at in range(start, end)
    ]
    assert len(points) == len(set(points))
    wanted = {(text, at) for value in values for text, start, end in value.stretches for at in range(start, end)}
    assert set(points) == wanted
