"""Whether a message has the shape that the contract with notification-service gives it."""

from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import is_typeddict

from service_kit.messaging import contract
from service_kit.messaging.contract import CONTRACT, Kind

# No fields that the contract does not name, and JSON's types as they are.
for shape in vars(contract).values():
    if is_typeddict(shape):
        shape.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
SHAPES: dict[Kind, TypeAdapter[Any]] = {
    kind: TypeAdapter(one.data) for kind, one in CONTRACT.items()
}


def fits_contract(kind: str, data: object) -> bool:
    """``data`` as JSON has it."""
    try:
        SHAPES[cast(Kind, kind)].validate_python(data)
    except ValidationError:
        return False
    return True
