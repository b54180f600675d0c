"""Events, seats and bookings."""
