"""``scripts/bench``: how fast Parterre is, each figure against another measured in the same run."""
