"""The configuration that gateway, PostgreSQL and Redis have mounted from ``config/``."""

import filecmp
import shutil

from deployment.layout import Layout

FOLDERS = ("gateway", "postgres", "redis")
APPLY = {
    "gateway": "./scripts/compose exec gateway caddy reload --config /etc/caddy/Caddyfile closes idle"
    " connections",
    "postgres": "./scripts/compose up -d --no-deps postgres interrupts everything for some seconds",
    "redis": "./scripts/compose up -d --no-deps redis-broker redis-cache interrupts for some seconds",
}


def copy_configuration(layout: Layout, version: str) -> list[str]:
    """Copy a release's configuration to where it is mounted; a line for each part that changed.

    Nobody reads it again by that: it counts from the next start of its container on.
    """
    if layout.is_work_tree:
        return []
    lines = []
    for name in FOLDERS:
        source, target = layout.release(version) / "deploy" / name, layout.config / name
        if not source.is_dir():
            continue
        had_one = target.is_dir()
        if had_one and _is_same(filecmp.dircmp(source, target)):
            continue
        shutil.copytree(source, target, dirs_exist_ok=True)
        if had_one:
            lines.append(f"{name}: configuration has changed and is not applied; {APPLY[name]}")
    return lines


def _is_same(comparison: "filecmp.dircmp[str]") -> bool:
    return not (
        comparison.left_only
        or comparison.diff_files
        or any(not _is_same(part) for part in comparison.subdirs.values())
    )
