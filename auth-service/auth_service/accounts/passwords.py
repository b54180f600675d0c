"""Which passwords are too weak: short ones, common ones, and those that hold the address."""

import re
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

MIN_CHARACTERS = 10
MAX_CHARACTERS = 128
MIN_LOCAL_PART = 4
# A short one of two different characters is as common as those in the list.
MONOTONOUS_CHARACTERS, MONOTONOUS_LENGTH = 2, 20
# "password" and so many other signs around it are still "password".
MAX_DECORATION = 6

_LEET = str.maketrans("013457@$!", "oieastasi")
_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def weakness(password: str, email: str) -> str | None:
    """Why it is refused, in words for the person who chose it; None if it will do."""
    lowered = password.lower()
    local_part = email.partition("@")[0].lower()
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        return f"It must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters."
    if email.lower() in lowered or (len(local_part) >= MIN_LOCAL_PART and local_part in lowered):
        return "It holds your e-mail address."
    if is_common(lowered):
        return "It is among the commonly used ones."
    return None


def is_common(lowered: str) -> bool:
    """Whether people often choose it, or a common one with digits and signs around it."""
    if len(set(lowered)) <= MONOTONOUS_CHARACTERS and len(lowered) < MONOTONOUS_LENGTH:
        return True
    for form in {lowered, lowered.translate(_LEET)}:
        core = _EDGES.sub("", form)
        if form in common_passwords():
            return True
        if len(form) - len(core) <= MAX_DECORATION and core in common_passwords():
            return True
        half, odd = divmod(len(form), 2)
        if not odd and form[:half] == form[half:] and form[:half] in common_passwords():
            return True
    return False


@cache
def common_passwords() -> frozenset[str]:
    """The 30,000 that zxcvbn ships with, most frequent first in their file.

    The file is loaded by itself: importing the package would build the tables of an estimator that
    is not used here, in every process.
    """
    package = find_spec("zxcvbn")
    assert package is not None and package.origin is not None
    path = Path(package.origin).with_name("frequency_lists.py")
    spec = spec_from_file_location("zxcvbn_frequency_lists", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return frozenset(module.FREQUENCY_LISTS["passwords"])
