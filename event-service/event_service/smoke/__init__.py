"""The smoke test: after a deployment, or of a candidate before it serves, one booking from end to end."""
