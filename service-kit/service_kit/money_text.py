"""Amounts of money in a language (CLDR). For the services that depend on babel."""

import re
from copy import copy
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.numbers import get_currency_precision

from service_kit.money import CURRENCY_DIGITS

CACHE_SIZE = 1024
# HUF\N{NO-BREAK SPACE}500, as CLDR has it, but no space after a sign such as €.
_CODE_BEFORE_AMOUNT = re.compile(r"^([A-Za-z]+)(?=[\d-])")


# What is shown together often has the same prices.
@lru_cache(maxsize=CACHE_SIZE)
def money_text(minor_units: int, currency: str, locale: str) -> str:
    """``minor_units`` of a currency by its code, for a locale such as ``en_GB``.

    With the digits of ISO 4217: CLDR has others for HUF, COP, RSD and more. A withdrawn currency, of
    something old, has CLDR's.
    """
    digits = CURRENCY_DIGITS.get(currency)
    if digits is None:
        digits = get_currency_precision(currency)
    babel = Locale.parse(locale)
    pattern: Any = copy(babel.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    amount = Decimal(minor_units).scaleb(-digits)
    text = str(pattern.apply(amount, babel, currency=currency, currency_digits=False))
    return _CODE_BEFORE_AMOUNT.sub("\\1\N{NO-BREAK SPACE}", text)
