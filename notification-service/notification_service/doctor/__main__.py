"""``python -m notification_service.doctor [--repair]``"""

from notification_service.doctor.checks import make_checks
from notification_service.settings import Settings
from service_kit.doctor import run_doctor

if __name__ == "__main__":
    run_doctor("notification_service", Settings, make_checks)
