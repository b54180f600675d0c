"""Internet domains as the DNS knows them."""

import idna


def ascii_domain(domain: str) -> str:
    """The domain in ASCII by IDNA2008 (UTS 46, non-transitional): ``faß.de`` is not ``fass.de``. Raises
    idna.IDNAError, which is a UnicodeError."""
    return (
        domain if domain.isascii() else idna.encode(domain, uts46=True, transitional=False).decode()
    )
