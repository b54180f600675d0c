"""Requests and responses about preferences."""

from pydantic import BaseModel, ConfigDict, StrictBool


class PreferencesForm(BaseModel):
    """Only optional mails: confirmations and cancellations cannot be turned off."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"event_reminders": True}]}
    )

    event_reminders: StrictBool
