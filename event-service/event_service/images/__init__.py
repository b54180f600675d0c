"""The image of an event: as it is uploaded, stored and shown."""
