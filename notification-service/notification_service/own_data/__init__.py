"""All that this service knows of a person, for that person to download."""
