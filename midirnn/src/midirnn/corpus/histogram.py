"""Histograms as one SVG picture, written by hand: a panel each, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from midirnn.corpus.inspection import Histogram

_ACROSS = 3
_WIDTH, _HEIGHT = 320, 200
_LEFT, _TOP, _RIGHT, _BOTTOM = 16, 34, 16, 28
_LABELS = 6
"""How many of many bars have a label at most, so that none covers another."""
_GROUND, _PANEL, _BAR, _INK = "#f7f5f0", "#ffffff", "#2f6fde", "#333333"


def picture(heading: str, histograms: Sequence[Histogram]) -> str:
    """Return an SVG with ``heading`` above the histograms, in rows of three."""
    rows = -(-len(histograms) // _ACROSS)
    width, height = _ACROSS * _WIDTH, rows * _HEIGHT + 40
    shapes = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11" fill="{_INK}">',
        f'<rect width="{width}" height="{height}" fill="{_GROUND}"/>',
        f'<text x="{_LEFT}" y="26" font-size="15">{escape(heading)}</text>',
    ]
    for number, histogram in enumerate(histograms):
        row, column = divmod(number, _ACROSS)
        shapes.append(f'<g transform="translate({column * _WIDTH} {40 + row * _HEIGHT})">')
        shapes += _panel(histogram)
        shapes.append("</g>")
    return "\n".join([*shapes, "</svg>"]) + "\n"


def _panel(histogram: Histogram) -> list[str]:
    """Return one panel's shapes, its upper left corner at the origin."""
    inner, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    bars = max(len(histogram.counts), 1)
    most, unit = max(histogram.counts, default=0), inner / bars
    floor = _TOP + tall
    shapes = [
        f'<rect x="6" y="4" width="{_WIDTH - 12}" height="{_HEIGHT - 10}" rx="4" fill="{_PANEL}"/>',
        f'<text x="{_LEFT}" y="22">{escape(histogram.title)}</text>',
        f'<text x="{_WIDTH - _RIGHT}" y="22" text-anchor="end">{most}</text>',
    ]
    every = -(-bars // _LABELS) if histogram.is_scale else 1
    for n, (label, count) in enumerate(zip(histogram.labels, histogram.counts, strict=True)):
        x, high = _LEFT + n * unit, tall * count / max(most, 1)
        shapes.append(
            f'<rect x="{x:.1f}" y="{floor - high:.1f}" width="{max(unit - 1.5, 1):.1f}" '
            f'height="{high:.1f}" fill="{_BAR}"><title>{escape(label)}: {count}</title></rect>'
        )
        if n % every == 0:
            at, anchor = (x, "start") if histogram.is_scale else (x + unit / 2, "middle")
            shapes.append(
                f'<text x="{at:.1f}" y="{floor + 16}" text-anchor="{anchor}">{escape(label)}</text>'
            )
    shapes.append(
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_LEFT + inner}" y2="{floor}" stroke="{_INK}"/>'
    )
    return shapes
