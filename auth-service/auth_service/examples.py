"""Examples of schemas in the OpenAPI document."""

from typing import Any

from pydantic import ConfigDict

ID_EXAMPLE = "0198c0de-0000-7000-8000-000000000000"


def example(**members: Any) -> ConfigDict:
    """The configuration of a model with these values as its example."""
    return ConfigDict(from_attributes=True, json_schema_extra={"example": members})
