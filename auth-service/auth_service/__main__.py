"""``python -m auth_service``: the API. Settings come from the environment; see .env.example."""

from auth_service.settings import Settings
from service_kit.server import serve
from service_kit.settings import load_settings

if __name__ == "__main__":
    serve("auth_service.main:app", load_settings(Settings))
