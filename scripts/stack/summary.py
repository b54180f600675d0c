"""What ``./scripts/up`` says in the end, and what the other scripts find of it."""

import json
import os
from pathlib import Path

from stack import demo
from stack.services import AUTH
from stack.supervisor import Stack


def private(file: Path, text: str) -> None:
    """Writes a file that only its owner can read."""
    file.touch(mode=0o600)
    file.write_text(text)


def write_summary(stack: Stack, var: Path, *, with_demo: bool) -> None:
    ports = stack.ports
    rows = [
        ("Page", f"http://localhost:{ports['event']}"),
        ("auth-service", f"http://localhost:{ports['auth']}/docs"),
        ("event-service", f"http://localhost:{ports['event']}/docs"),
        ("notification-service", f"http://localhost:{ports['notification']}/docs"),
        ("Mailbox", f"http://localhost:{ports['mailbox']}   (SMTP on {ports['smtp']})"),
        ("Flower", f"http://localhost:{ports['flower']}   ({flower_sign_in(stack)})"),
    ]
    if with_demo:
        for account in demo.ACCOUNTS:
            rows.append((f"Demo {account.role}", f"{account.email}   {demo.PASSWORD}"))
    rows += [("Logs", str(stack.log_dir)), ("Stop", "./scripts/down")]
    width = max(len(name) for name, _ in rows)
    table = "\n".join(f"  {name.ljust(width)}  {value}" for name, value in rows)
    private(var / "summary.txt", table + "\n")
    private(var / "addresses.json", json.dumps(ports))
    private(var / "admin.json", json.dumps(stack.environments.of(AUTH)))


def flower_sign_in(stack: Stack) -> str:
    given = os.environ.get("FLOWER_BASIC_AUTH")
    if given:
        return "sign in as FLOWER_BASIC_AUTH says"
    return f"ops / {stack.secrets['flower']}"
