"""``python -m event_service.doctor [--repair]``"""

from event_service.doctor.checks import make_checks
from event_service.settings import Settings
from service_kit.doctor import run_doctor

if __name__ == "__main__":
    run_doctor("event_service", Settings, make_checks)
