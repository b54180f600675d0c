"""Preferences as they come in and go out."""

from pydantic import BaseModel, ConfigDict, StrictBool


class PreferencesForm(BaseModel):
    """Confirmations and cancellations are not among them: they cannot be turned off."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"event_reminders": True}]}
    )

    event_reminders: StrictBool
