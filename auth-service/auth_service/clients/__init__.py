"""Services that act by themselves, and their scopes."""
