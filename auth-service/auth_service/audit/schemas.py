from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class AuditEventRead(BaseModel):
    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "example": {
                "id": "0198c0de-0000-7000-8000-000000000000",
                "occurred_at": "2026-11-23T19:00:00Z",
                "action": "sign-in.succeeded",
                "user_id": "0198c0de-0000-7000-8000-000000000001",
                "actor": None,
                "address": "203.0.113.7",
                "user_agent": "Mozilla/5.0",
                "details": {"kind": "browser"},
            }
        },
    )

    id: UUID
    occurred_at: datetime
    action: str
    user_id: UUID | None
    actor: str | None
    address: str
    user_agent: str
    details: dict[str, Any]
