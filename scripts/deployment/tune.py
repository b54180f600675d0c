"""``./scripts/tune``: limits and PostgreSQL's settings for the memory and the processors of a machine.

PostgreSQL's manual says a quarter of the memory for ``shared_buffers`` where it has the machine to itself;
here it shares it with fifteen other containers, and takes less the smaller the machine is.
"""

import argparse
import os
import re

from deployment.errors import CommandFailed, run_command
from deployment.memory import MEMINFO, field_bytes
from deployment.room import OTHER_CONNECTIONS, POSTGRES_CONNECTIONS
from deployment.services import API_SERVICES

# What the other containers use (1.1 GiB when idle, with live reload), and the system.
OTHERS_MIB = 1_200
LEAST_MIB, MOST_SHARED_MIB = 1_600, 8_192
# From deploy/CAPACITY.md: one process more of each API; and one of event-service after a large on-sale, with
# some to spare.
PROCESS_OF_EACH_MIB, PROCESS_MIB = 340, 320
# While one API is replaced there are containers for one more, and each process may have ten connections.
MOST_PROCESSES = (POSTGRES_CONNECTIONS - OTHER_CONNECTIONS) // (10 * (len(API_SERVICES) + 1))


def memory_mib(meminfo: str) -> int:
    """The machine's memory in MiB, of /proc/meminfo; raises CommandFailed where that does not tell."""
    found = field_bytes(meminfo, "MemTotal")
    if found is None:
        raise CommandFailed("/proc/meminfo tells no memory; say it: --memory 4G")
    return found >> 20


def parse_memory(text: str) -> int:
    """MiB of 4G, 4096M or 4096."""
    found = re.fullmatch(r"(\d+)\s*([MG]?)(?:i?B)?", text.strip(), re.I)
    if found is None:
        raise argparse.ArgumentTypeError("give it as 4G or 4096M")
    return int(found[1]) * (1024 if found[2].upper() == "G" else 1)


def settings(mib: int, processors: int) -> dict[str, str]:
    """Lines of .env for a machine of so many MiB and processors."""
    has_room = mib >= 3_500
    processes = max(1, min(processors // 2, MOST_PROCESSES)) if has_room else 1
    others = OTHERS_MIB + (processes - 1) * PROCESS_OF_EACH_MIB
    postgres = max(512, min(mib - others, mib * 6 // 10))
    shared = min(postgres // 4, MOST_SHARED_MIB)
    # A sort or a hash may take it several times, and each connection has sorts of its own.
    work = max(4, min(32, (postgres - shared) // POSTGRES_CONNECTIONS))
    # Docker refuses a limit of more processors than there are.
    one, most = f"{min(processors, 1):.1f}", f"{max(processors - 0.5, 0.5):.1f}"
    return {
        "POSTGRES_SHARED_BUFFERS": f"{shared}MB",
        "POSTGRES_EFFECTIVE_CACHE_SIZE": f"{max(512, postgres * 3 // 4)}MB",
        "POSTGRES_WORK_MEM": f"{work}MB",
        "POSTGRES_MAINTENANCE_WORK_MEM": f"{max(64, min(512, postgres // 12))}MB",
        "POSTGRES_MAX_WAL_SIZE": "2GB" if has_room else "1GB",
        "POSTGRES_MEMORY": f"{postgres}M",
        "POSTGRES_CPUS": most if processors > 1 else one,
        "WEB_CONCURRENCY": str(processes),
        "API_MEMORY": f"{max(640, processes * PROCESS_MIB)}M" if has_room else "448M",
        "API_CPUS": most if processors > 1 else one,
        "WORKER_MEMORY": "512M" if has_room else "384M",
        "BROKER_MAX_MEMORY": "256mb" if has_room else "128mb",
        "BROKER_MEMORY": "544M" if has_room else "288M",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/tune", description="Prints lines for .env that fit this machine."
    )
    parser.add_argument("--memory", type=parse_memory, help="instead of this machine's: 4G")
    parser.add_argument("--cpus", type=int, help="instead of this machine's")
    arguments = parser.parse_args()
    mib = arguments.memory or memory_mib(MEMINFO.read_text() if MEMINFO.exists() else "")
    processors = arguments.cpus or os.cpu_count() or 1
    print(f"# For {mib} MiB and {processors} processors, by ./scripts/tune; replaces earlier lines")
    if mib < LEAST_MIB:
        print(f"# Less than {LEAST_MIB} MiB: Parterre may be too large for this machine")
    for name, value in settings(mib, processors).items():
        print(f"{name}={value}")


if __name__ == "__main__":
    run_command("tune", main)
