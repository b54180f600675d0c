"""Programs that serve event-service without one guard each, which a test of that guard must find."""
