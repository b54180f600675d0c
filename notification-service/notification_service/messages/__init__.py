"""Messages: what is asked for, what is kept of it, what people may read."""
