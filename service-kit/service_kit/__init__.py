"""The mechanisms that Parterre's services are built from. It knows no event, seat or mail."""

from service_kit.timezones import use_pinned_rules

# Here, because no process of a service is without this package, and none may have made a zone before.
use_pinned_rules()
