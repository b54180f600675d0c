"""Currencies by ISO 4217, whose minor units often differ from what CLDR (Babel, browsers) shows.

The table is the one that ISO 4217's maintenance agency publishes (list one, see
``iso4217.__published__``).
"""

from decimal import Decimal
from types import MappingProxyType

from iso4217 import Currency

# Metals, test codes and units of account have no minor units, and nothing is priced in them.
CURRENCY_DIGITS = MappingProxyType(
    {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
)


def currency_digits(code: str) -> int:
    """Number of minor-unit digits: 2 for HUF, 0 for JPY, 3 for KWD. Raises ValueError for a code that
    is not active."""
    try:
        return CURRENCY_DIGITS[code]
    except KeyError:
        raise ValueError("must be an active ISO 4217 currency code, such as EUR") from None


def major_units(amount: int, code: str) -> Decimal:
    """``amount`` minor units as the currency writes them: 12345 EUR is ``Decimal("123.45")``."""
    return Decimal(amount).scaleb(-currency_digits(code))
