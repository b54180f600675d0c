"""Removing images and files of releases that nobody goes back to."""

import shutil

from deployment.engine import Engine
from deployment.record import FAILED, Record
from deployment.services import images_of

KEPT_VERSIONS = 3


def remove_old(engine: Engine, record: Record) -> list[str]:
    """Remove all but the last three versions, the one in use and the one that was in use before, which
    after a rollback is the one to be looked at; returns the versions removed.

    Only versions that were deployed here are looked at: other images of the machine are not ours.
    """
    used = [entry.version for entry in record.entries() if entry.outcome != FAILED]
    kept = {*record.versions()[-KEPT_VERSIONS:], engine.layout.version, *used[-2:]}
    recorded = dict.fromkeys(entry.version for entry in record.entries())
    old = [version for version in recorded if version not in kept]
    removed = []
    for version in old:
        folder = engine.layout.releases / version
        if folder.is_dir():
            shutil.rmtree(folder)
            removed.append(version)
    _remove_images(engine, old)
    return removed


def _remove_images(engine: Engine, versions: list[str]) -> None:
    present = set(engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split())
    images = [image for version in versions for image in images_of(version) if image in present]
    if images:
        # An image that a container still uses stays.
        engine.docker("image", "rm", *images, is_checked=False)
