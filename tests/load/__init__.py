"""Load on a running Parterre, by Locust: ``./scripts/load``. It runs in an environment of its own, so it
imports nothing of Parterre's but what needs the standard library only."""
