"""Versions to deploy: a good one, one that differs by an expand migration, and broken ones.

Each is a layer or two on top of the good one's images, on this machine's engine. The files of the
layers are those of the work tree, changed: a broken event-service differs by one file.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.system.deployment.host import ROOT, must

SERVICES = ("auth", "event", "notification")
MIGRATIONS = ROOT / "event-service" / "migrations" / "versions"
REVISION = "d4111d4111d4"

MIGRATION = f'''"""add a column that the release before does not know"""

import sqlalchemy as sa
from alembic import op

revision = "{REVISION}"
down_revision = "HEAD"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("booking", sa.Column("drill_note", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("booking", "drill_note")
'''

# Appended to event_service/main.py: a middleware around all others that answers bookings itself.
DOOR = """

_application = app


class _Door:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if (scope.get("method"), scope.get("path")) != ("POST", "/api/v1/bookings"):
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


def app():
    application = _application()
    application.add_middleware(_Door)
    return application
"""


def _image(service: str, version: str) -> str:
    return f"parterre/{service}-service:{version}"


def build_good(version: str) -> None:
    """The images of the work tree."""
    must(["scripts/images", version], seconds=900)


def _layer(
    service: str, base: str, version: str, files: Mapping[str, str], *instructions: str
) -> None:
    """``base`` with ``files`` (path below /app to text), more ``instructions``, and a label, so that
    its id is another one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"FROM {_image(service, base)}", f"LABEL drill={version}", *instructions]
        for number, (path, text) in enumerate(files.items()):
            (folder / f"{number}").write_text(text)
            (folder / f"{number}").chmod(0o644)
            # The image's bytecode is taken whatever the source says.
            folder_name, _, file_name = path.rpartition("/")
            old = f"/app/{folder_name}/__pycache__/{file_name.removesuffix('.py')}.*.pyc"
            lines += ["USER root", f"RUN rm -f {old}", f"COPY {number} /app/{path}", "USER 10001"]
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        must(["docker", "build", "-q", "-t", _image(service, version), name], seconds=120)


def _head() -> str:
    """The newest migration of event-service."""
    texts = [file.read_text() for file in MIGRATIONS.glob("*.py")]
    found = [re.search(r'^revision(?:: str)? = "(.+)"', text, re.M) for text in texts]
    before = [re.search(r'^down_revision(?:: .+?)? = "(.+)"', text, re.M) for text in texts]
    [head] = {m[1] for m in found if m} - {m[1] for m in before if m}
    return head


def build_next(base: str, version: str) -> None:
    """Another version of all three services; event-service's has an expand migration."""
    migration = MIGRATION.replace("HEAD", _head())
    path = "migrations/versions/2099_01_01_add_a_note.py"
    for service in SERVICES:
        _layer(service, base, version, {path: migration} if service == "event" else {})


def _build_broken(base: str, version: str, files: Mapping[str, str], *instructions: str) -> None:
    for service in ("auth", "notification"):
        must(["docker", "tag", _image(service, base), _image(service, version)], seconds=30)
    _layer("event", base, version, files, *instructions)


def build_crashing(base: str, version: str) -> None:
    """event-service ends as soon as it is started."""
    text = 'raise SystemExit("drill: event-service crashes at its start")\n'
    _build_broken(base, version, {"event_service/__main__.py": text})


def build_never_healthy(base: str, version: str) -> None:
    """event-service runs, and its check says for ever that it does not. Soon: the usual one takes 45 s."""
    check = 'HEALTHCHECK --interval=1s --timeout=1s --start-period=1s --retries=2 CMD ["false"]'
    _build_broken(base, version, {}, check)


def build_refusing(base: str, version: str) -> None:
    """event-service is healthy, and answers each booking with 500."""
    main = (ROOT / "event-service" / "event_service" / "main.py").read_text()
    _build_broken(base, version, {"event_service/main.py": main + DOOR})
