"""The mechanisms that Parterre's services are built from. It knows no event, seat or mail."""
