"""``python -m event_service``: the API. Settings come from the environment; see .env.example."""

from event_service.settings import Settings
from service_kit.web.server import serve

if __name__ == "__main__":
    serve("event_service", Settings)
