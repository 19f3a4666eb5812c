"""Bars as SVG, without a library: what the tables say, to be looked at."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_WIDTH, _NAMES, _BAR, _GAP, _TOP = 860, 170, 16, 10, 64
_COLOURS: Final = ("#3b6ea8", "#d98032", "#5b9a5f", "#a05195", "#8a8a8a")


def bars(title: str, parts: Sequence[str], rows: Mapping[str, Sequence[float]], unit: str, digits: int = 0) -> str:
    """A horizontal bar for each row, made of its parts; behind it their sum, with so many `digits`."""
    longest = max(sum(values) for values in rows.values()) or 1
    scale = (_WIDTH - _NAMES - 90) / longest
    height = _TOP + len(rows) * (_BAR + _GAP) + 10
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif"'
        f' font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="22" font-size="15">{escape(title)}</text>',
    ]
    at = _NAMES
    for part, colour in zip(parts, _COLOURS, strict=False):
        out.append(f'<rect x="{at}" y="36" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{at + 17}" y="46">{escape(part)}</text>')
        at += 40 + 7 * len(part)
    for number, (name, values) in enumerate(rows.items()):
        y = _TOP + number * (_BAR + _GAP)
        out.append(f'<text x="{_NAMES - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        x = float(_NAMES)
        for value, colour in zip(values, _COLOURS, strict=False):
            out.append(f'<rect x="{x:.1f}" y="{y}" width="{value * scale:.1f}" height="{_BAR}" fill="{colour}"/>')
            x += value * scale
        out.append(f'<text x="{x + 6:.1f}" y="{y + 12}">{sum(values):.{digits}f} {escape(unit)}</text>')
    return "\n".join([*out, "</svg>", ""])
