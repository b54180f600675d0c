"""The panels of the dashboard as one SVG, drawn from what Prometheus has of the last minute."""

import html
import math
import time
from typing import Any

from tests.system.prometheus import Prometheus, shorten

WIDTH, HEIGHT, COLUMNS, MARGIN = 420, 200, 3, 28
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")
SECONDS = 60
Series = tuple[str, list[tuple[float, float]]]


def read_series(prometheus: Prometheus, panel: dict[str, Any]) -> list[Series]:
    """Legend and points of each series of a panel, without what is no number."""
    end = time.time()
    found: list[Series] = []
    for target in panel["targets"]:
        expression = shorten(target["expr"])
        answer = prometheus.ask(
            "query_range", query=expression, start=end - SECONDS, end=end, step=1
        )
        for one in answer["result"]:
            legend = target["legendFormat"]
            for name, value in one["metric"].items():
                legend = legend.replace(f"{{{{{name}}}}}", value)
            points = [(float(at) - end + SECONDS, float(value)) for at, value in one["values"]]
            found.append((legend, [point for point in points if math.isfinite(point[1])]))
    return [(legend, points) for legend, points in found if points]


def draw(panels: list[tuple[str, list[Series]]]) -> str:
    rows = -(-len(panels) // COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{COLUMNS * WIDTH}" height="{rows * HEIGHT}"'
        ' font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for number, (title, series) in enumerate(panels):
        x, y = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{_panel(title, series)}</g>')
    return "\n".join([*parts, "</svg>"])


def _panel(title: str, series: list[Series]) -> str:
    top = max((value for _, points in series for _, value in points), default=0.0) or 1.0
    width, height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN - 24
    parts = [
        f'<text x="{MARGIN}" y="18" font-size="12" font-weight="bold">{html.escape(title)}</text>',
        f'<text x="2" y="{MARGIN + 8}">{top:.3g}</text>',
        f'<path d="M{MARGIN} {MARGIN}v{height}h{width}" stroke="#999" fill="none"/>',
    ]
    for number, (legend, points) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(
            f"{MARGIN + at / SECONDS * width:.1f},{MARGIN + height * (1 - value / top):.1f}"
            for at, value in points
        )
        parts.append(f'<polyline points="{line}" stroke="{colour}" fill="none"/>')
        if number < 6:
            x, y = MARGIN + number % 3 * width / 3, HEIGHT - 24 + number // 3 * 12
            parts.append(
                f'<text x="{x:.0f}" y="{y}" fill="{colour}">{html.escape(legend[:26])}</text>'
            )
    return "".join(parts)
