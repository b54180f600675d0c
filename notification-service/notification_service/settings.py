"""What notification-service is told by its environment."""

from service_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    pass
