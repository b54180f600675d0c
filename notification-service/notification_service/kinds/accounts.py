"""What the kinds about an account share: its pages, and the secret link that some carry."""

from typing import Any, Literal

from notification_service.kinds.base import Payload
from notification_service.rendering.context import RenderContext


class AccountPayload(Payload):
    """Base of the kinds about an account."""

    # "pending" is the address that a person wants to change to.
    address: Literal["current", "pending"] = "current"

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        values = {"account_url": context.page("account"), "forgot_url": context.page("forgot")}
        if context.link is not None and self.link_page is not None:
            # In the fragment: it reaches neither a server's log nor a Referer header.
            values["link"] = context.page(f"{self.link_page}#{context.link.token}")
            values["link_lasts"] = context.formats.span(context.link.expires_at - context.now)
        return values
