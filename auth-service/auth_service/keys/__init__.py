"""The keys that sign tokens, and the tokens."""
