"""event-service with one guard taken out each: what a test of that guard must find."""
