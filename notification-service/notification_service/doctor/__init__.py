"""What must hold in this service's database; see ``service_kit.doctor``."""
