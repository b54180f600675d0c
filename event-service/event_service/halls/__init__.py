"""Plans of halls that an organizer keeps for later events."""
