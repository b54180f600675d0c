"""Telling the other services that an account is gone, and asking first whether it may go."""
