"""Service clients and their tokens: OAuth 2 client credentials."""
