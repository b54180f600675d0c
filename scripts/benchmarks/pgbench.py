"""pgbench with the statements of a booking of revision 206280f: what every later one is measured
against."""

import random
import re
import subprocess
from pathlib import Path

from stack.errors import StackError
from stack.postgres import BINARIES

YARDSTICK = Path(__file__).with_name("booking_206280f.sql")


def bookings_per_second(
    url: str, event_id: str, capacity: int, *, connections: int, seconds: int
) -> float:
    """Bookings one at a time on so many connections to the database of event-service. Raises
    StackError, also when the event of ``capacity`` seats is sold out."""
    values = {"event_id": event_id, "capacity": capacity, "run": random.randrange(65536), "n": 0}
    command = [str(BINARIES / "pgbench"), "--no-vacuum", "--protocol=prepared"]
    command += [f"--define={name}={value}" for name, value in values.items()]
    command += [f"--client={connections}", f"--jobs={min(connections, 2)}"]
    command += [f"--time={seconds}", f"--file={YARDSTICK}", url]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([0-9.]+)", ended.stdout)
    if ended.returncode or not rate:
        raise StackError(f"bench: pgbench: {ended.stderr.strip()[-500:]}")
    return float(rate[1])
