"""What superusers see of the three services: whether each is ready, and how much waits."""
