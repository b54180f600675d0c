"""Weak passwords: short ones, common ones, and those that contain the address."""

import re
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

MIN_CHARACTERS = 10
MAX_CHARACTERS = 128
MIN_LOCAL_PART = 4
# A password of one or two different characters counts as common up to this length.
MONOTONOUS_CHARACTERS, MONOTONOUS_LENGTH = 2, 20
# A common password with up to this many digits and signs around it still counts as common.
MAX_DECORATION = 6

_LEET = str.maketrans("013457@$!", "oieastasi")
_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def weakness(password: str, email: str) -> str | None:
    """Why the password is refused, for the person who chose it; None if it is accepted."""
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
    """Whether it is a common password, repeated or with digits and signs around it, or monotonous."""
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
    """The 30,000 most common passwords, from zxcvbn.

    Only its word list is loaded: importing the package would build tables that are not used here.
    """
    package = find_spec("zxcvbn")
    assert package is not None and package.origin is not None
    path = Path(package.origin).with_name("frequency_lists.py")
    spec = spec_from_file_location("zxcvbn_frequency_lists", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return frozenset(module.FREQUENCY_LISTS["passwords"])
