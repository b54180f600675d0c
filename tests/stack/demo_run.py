"""The demo against services that are played."""

from dataclasses import dataclass, field

from stack import demo
from stack.demo import Account
from tests.stack.played_services import Services

ADDRESSES = demo.Addresses(
    auth="http://auth.test", event="http://event.test", mailbox="http://mailbox.test"
)


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

    def promote(self, arguments: list[str]) -> None:
        command, address = arguments
        assert command == "promote"
        self.services.accounts[address]["is_superuser"] = True

    def fill(self) -> list[Account]:
        return demo.fill(ADDRESSES, self.promote, self.said.append)
