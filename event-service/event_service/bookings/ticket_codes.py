"""Ticket codes: 80 random bits in the 32 characters of Crockford's base 32, in groups that can be read out.

They are stored as they are shown, so that whatever reads a ticket shows the same code. Older tickets have
30 hexadecimal characters without groups.
"""

import secrets
import unicodedata

CODE_CHARACTERS = 16

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Of the 256 values of a byte eight become each character.
_CHARACTER_OF_BYTE = _CROCKFORD.encode() * 8
# What people read for another character. The alphabet has none of them, and hexadecimal digits neither.
_MISREAD = str.maketrans("OIL", "011")
# Spaces, dashes, control characters of scanners, and what is invisible in copied text.
_SEPARATORS = frozenset({"Zs", "Zl", "Zp", "Pd", "Cc", "Cf"})


def new_ticket_code() -> str:
    """A code such as ``7K3M-9QXT-2BVA-WD5H``, which nobody can guess."""
    return _group(secrets.token_bytes(CODE_CHARACTERS).translate(_CHARACTER_OF_BYTE).decode())


def normalize_ticket_code(text: str) -> str:
    """The stored form of a code that somebody typed or a scanner read: in any case, with or without
    spaces and hyphens, with O for 0 and I or L for 1. Other text becomes some text that no ticket has.
    """
    code = "".join(
        character for character in text if unicodedata.category(character) not in _SEPARATORS
    )
    code = code.upper().translate(_MISREAD)
    return _group(code) if len(code) == CODE_CHARACTERS else code


def _group(code: str) -> str:
    # A booking may have 10,000 codes: a loop takes three times as long.
    return f"{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}"
