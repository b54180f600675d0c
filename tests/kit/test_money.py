"""Amounts are written as ISO 4217 says, whatever a locale database thinks of a currency."""

from decimal import Decimal

import pytest

from service_kit.money import currency_digits, major_units

# CLDR and some browsers show the first twelve without minor units.
TWO_DIGITS = "HUF IDR COP PKR RSD LBP AFN ALL IRR MMK SOS YER EUR USD".split()


@pytest.mark.parametrize("code", TWO_DIGITS)
def test_hundredths_are_shown_where_iso_4217_has_them(code: str) -> None:
    assert major_units(12345, code) == Decimal("123.45")


def test_digits_differ_by_currency() -> None:
    digits = {code: currency_digits(code) for code in ("JPY", "CLP", "IQD", "KWD", "CLF")}
    assert digits == {"JPY": 0, "CLP": 0, "IQD": 3, "KWD": 3, "CLF": 4}


@pytest.mark.parametrize("code", ["ABC", "ZZZ", "XXX", "XTS", "XAU", "DEM", "HRK", "eur", ""])
def test_what_no_price_is_in_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        currency_digits(code)
