"""Check-in by people without an account: an organizer gives them a link that opens one event's door."""
