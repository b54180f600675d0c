"""``python -m auth_service.doctor [--repair]``"""

from auth_service.doctor.checks import make_checks
from auth_service.settings import Settings
from service_kit.doctor import run_doctor

if __name__ == "__main__":
    run_doctor("auth_service", Settings, make_checks)
