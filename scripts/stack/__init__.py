"""Runs Parterre on one machine without containers: for people who try it, for tests and for CI."""
