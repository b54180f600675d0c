"""``python -m tests.system.patient MODULE``: a module of the product that waits for Redis.

With the timeouts of production one that is late on a busy machine is taken for one that is away, and each
process does without.
"""

import runpy
import sys

from service_kit import redis_clients

if __name__ == "__main__":
    vars(redis_clients).update(TIMEOUT_SECONDS=30.0, BLOCKING_TIMEOUT_SECONDS=30.0)
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
