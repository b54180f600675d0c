"""Times that the commands of the host leave for Prometheus: node-exporter reads them from ``var/metrics``."""

import os
from pathlib import Path

from deployment.layout import Layout


def metrics_folder(layout: Layout) -> Path:
    """``var/metrics``, made if it is missing. Raises OSError."""
    folder = layout.var / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return folder


def write_metric(layout: Layout, file: str, name: str, help_text: str, value: float) -> Path:
    """Replaces ``var/metrics/FILE.prom`` in one step; everybody may read it. Raises OSError."""
    target = metrics_folder(layout) / f"{file}.prom"
    new = target.with_suffix(".new")
    new.write_text(f"# HELP {name} {help_text}\n# TYPE {name} gauge\n{name} {value:.0f}\n")
    new.chmod(0o644)
    os.replace(new, target)
    return target
