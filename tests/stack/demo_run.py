"""The demo against fake services."""

from dataclasses import dataclass, field

from stack import demo
from stack.demo import Account
from tests.stack.fake_services import Services

ADDRESSES = demo.Addresses(auth="http://auth.test", event="http://event.test")
COMMANDS = {"promote": "is_superuser", "verify": "is_verified"}


@dataclass
class Run:
    services: Services
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """No time passes but by sleeping."""
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def admin(self, arguments: list[str]) -> None:
        command, *addresses = arguments
        for address in addresses:
            self.services.accounts[address][COMMANDS[command]] = True

    def fill(self) -> list[Account]:
        return demo.fill(ADDRESSES, self.admin, self.said.append)
