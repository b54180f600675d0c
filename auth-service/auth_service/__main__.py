"""``python -m auth_service``: the API. Settings come from the environment; see .env.example."""

from auth_service.settings import Settings
from service_kit.web.server import serve

if __name__ == "__main__":
    serve("auth_service", Settings)
