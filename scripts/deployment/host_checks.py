"""What a machine must have before Parterre is installed on it: each check gives one line."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployment.memory import MEMINFO, field_bytes
from deployment.tune import LEAST_MIB, memory_mib

LEAST_DISK_GIB, GOOD_DISK_GIB = 4, 10
COMFORTABLE_MIB = 3_500
LEAST_DOCKER, LEAST_COMPOSE = (20, 10), (1, 29)
LISTENING = "0A"
TCP_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# Of documentation, so nobody is asked anything: the system only chooses the address to ask from.
FAR_AWAY = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
README = "deploy/README.md"


@dataclass(frozen=True)
class Finding:
    """``level``: ``ok``, ``warning``, or ``problem``, which ends the installation."""

    level: str
    text: str

    def __str__(self) -> str:
        return f"  {({'ok': 'ok', 'warning': '!!', 'problem': 'NO'})[self.level]}  {self.text}"


def check_memory(mib: int, swap_mib: int) -> Finding:
    if mib < LEAST_MIB:
        text = f"memory: {mib} MiB; Parterre needs a machine of 2 GB"
        return Finding("problem", text)
    if mib < COMFORTABLE_MIB and not swap_mib:
        text = f"memory: {mib} MiB and no swap; see {README}, Swap"
        return Finding("warning", text)
    return Finding("ok", f"memory: {mib} MiB")


def check_disk(free_bytes: int) -> Finding:
    gib = free_bytes / (1 << 30)
    if gib < LEAST_DISK_GIB:
        return Finding("problem", f"disk: {gib:.1f} GiB free; {LEAST_DISK_GIB} GiB are needed")
    if gib < GOOD_DISK_GIB:
        text = f"disk: {gib:.1f} GiB free; with backups {GOOD_DISK_GIB} GiB are better"
        return Finding("warning", text)
    return Finding("ok", f"disk: {gib:.0f} GiB free")


def run(command: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of a command; 127 if there is none of this name."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
        )
    except FileNotFoundError:
        return 127, ""
    except subprocess.TimeoutExpired:
        return 124, "no answer within a minute"
    return done.returncode, done.stdout.decode(errors="replace").strip()


Run = Callable[[Sequence[str]], tuple[int, str]]


def check_docker(run: Run = run) -> Finding:
    code, output = run(["docker", "version", "--format", "{{.Server.Version}}"])
    if code == 127:
        return Finding("problem", f"Docker is not installed; see {README}, Docker")
    if "permission denied" in output:
        text = "Docker: this user may not use it; sudo usermod -aG docker $USER, then sign in anew"
        return Finding("problem", text)
    if code:
        return Finding("problem", f"Docker does not answer: {_last_line(output)}")
    return _check_version("Docker", _last_line(output), LEAST_DOCKER)


def check_compose(run: Run = run) -> Finding:
    for command in (["docker", "compose"], ["docker-compose"]):
        code, output = run([*command, "version", "--short"])
        if code == 0:
            return _check_version("Docker Compose", _last_line(output), LEAST_COMPOSE)
    return Finding("problem", f"Docker Compose is not installed; see {README}, Docker")


def _check_version(name: str, version: str, least: tuple[int, int]) -> Finding:
    found = re.search(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < least:
        wanted = ".".join(map(str, least))
        return Finding("problem", f"{name} {version}: {wanted} or newer is needed")
    return Finding("ok", f"{name} {version}")


def _last_line(text: str) -> str:
    return (text.splitlines() or [""])[-1]


def listening_ports(tables: Iterable[str]) -> set[int]:
    """Ports of the listening sockets in texts of /proc/net/tcp and tcp6."""
    rows = (line.split() for text in tables for line in text.splitlines()[1:])
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENING}


def check_ports(wanted: Iterable[int], taken: Mapping[int, str], *, project: str) -> Finding:
    """``taken``: ports and who has them, as of ``port_owners``; our own ``project`` may."""
    names = list(map(str, wanted))
    busy = {port: taken[int(port)] for port in names if int(port) in taken}
    others = {port: who for port, who in busy.items() if who != project}
    if others:
        told = " and ".join(f"{port} ({who})" for port, who in others.items())
        return Finding("problem", f"taken by others, who must be stopped first: port {told}")
    return Finding("ok", f"ports {' and '.join(names)}: {'ours' if busy else 'free'}")


def port_owners(wanted: Iterable[int], listening: set[int], run: Run = run) -> dict[int, str]:
    """Who has the wanted ports: a project of Compose, a container, or a program of the machine.

    Docker may forward a port without a socket that listens, so it is asked as well.
    """
    owners = {}
    for port in wanted:
        if port in listening:
            owners[port] = "sudo ss -ltnp names the program, perhaps apache2 or nginx"
        format_ = '{{.Label "com.docker.compose.project"}}|{{.Names}}'
        code, output = run(["docker", "ps", f"--filter=publish={port}", f"--format={format_}"])
        project, separator, container = _last_line(output).partition("|")
        if code == 0 and separator:
            owners[port] = project or f"container {container}"
    return owners


def check_name(host: str, found: set[str], own: set[str]) -> Finding:
    """``found``: addresses that the DNS has for the host; ``own``: those of this machine."""
    if not found:
        text = f"{host}: the DNS has no address for it; make an A record, or no certificate comes"
        return Finding("warning", text)
    if not found & own:
        text = (
            f"{host} leads to {', '.join(sorted(found))}; this machine has"
            f" {', '.join(sorted(own)) or 'no address'}. Well if a router stands between, else no"
            " certificate comes"
        )
        return Finding("warning", text)
    if strangers := found - own:
        text = f"{host} leads here, and to {', '.join(sorted(strangers))} as well, maybe another's"
        return Finding("warning", text)
    return Finding("ok", f"{host} leads here")


def addresses_of(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, 443)}
    except (OSError, UnicodeError):
        return set()


def own_addresses() -> set[str]:
    """The addresses with which this machine goes to the internet."""
    found = set()
    for family, target in FAR_AWAY:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found.add(str(probe.getsockname()[0]))
        except OSError:
            continue
    return found


def swap_mib(meminfo: str) -> int:
    return (field_bytes(meminfo, "SwapTotal") or 0) >> 20


def check_machine(home: Path, ports: Sequence[int], *, project: str) -> list[Finding]:
    """All that can be known before anything is asked."""
    meminfo = MEMINFO.read_text()
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    tables = [table.read_text() for table in TCP_TABLES if table.exists()]
    findings = [
        check_memory(memory_mib(meminfo), swap_mib(meminfo)),
        check_disk(shutil.disk_usage(nearest).free),
        check_docker(),
        check_compose(),
        check_ports(ports, port_owners(ports, listening_ports(tables)), project=project),
    ]
    if os.getuid() == 0:
        text = "this is root; a user of its own who may use Docker is better, see " + README
        findings.append(Finding("warning", text))
    return findings
