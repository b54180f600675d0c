"""What ``./scripts/up`` prints when all is ready, and what it leaves for the other scripts."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from stack import demo, mail_server
from stack.records import write_atomically
from stack.services import AUTH, SERVICES
from stack.stack import Stack
from stack.status import in_columns


def write_summary(stack: Stack, var: Path, accounts: Sequence[demo.Account]) -> None:
    """``accounts`` are those that can be signed in to with the demo's password."""
    ports = stack.ports
    rows = [
        ("Page", f"http://localhost:{ports['event']}"),
        ("auth-service", f"http://localhost:{ports['auth']}/docs"),
        ("event-service", f"http://localhost:{ports['event']}/docs"),
        ("notification-service", f"http://localhost:{ports['notification']}/docs"),
        ("Mailbox", f"http://localhost:{ports['mailbox']}   ({mails_go_to(ports['smtp'])})"),
        ("Flower", f"http://localhost:{ports['flower']}   ({flower_sign_in(stack)})"),
    ]
    for account in accounts:
        rows.append((f"Demo {account.role}", f"{account.email}   {demo.PASSWORD}"))
    rows += [("Logs", str(stack.log_dir)), ("Stop", "./scripts/down")]
    write_atomically(var / "summary.txt", in_columns(rows) + "\n")
    write_atomically(var / "admin.json", json.dumps(stack.environments.of(AUTH)))
    doctors = {service.package: stack.environments.of(service) for service in SERVICES}
    write_atomically(var / "doctor.json", json.dumps(doctors))


def mails_go_to(smtp_port: int) -> str:
    address = mail_server.where(mail_server.chosen_url(os.environ))
    if address is None:
        return f"SMTP on {smtp_port}"
    return f"empty: mails go to {address[0]}:{address[1]}, as SMTP_URL or SMTP_HOST says"


def flower_sign_in(stack: Stack) -> str:
    if os.environ.get("FLOWER_BASIC_AUTH"):
        return "sign in as FLOWER_BASIC_AUTH says"
    return f"ops / {stack.secrets['flower']}"
