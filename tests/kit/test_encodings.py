"""Who is answered by gzip."""

import pytest
from fastapi import Request

from service_kit.web.encodings import takes_gzip


@pytest.mark.parametrize(
    ("headers", "takes"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["GZIP"], True),
        (["br, gzip;q=0.5"], True),
        (["gzip ; Q=0.001, br"], True),
        (["br", "gzip"], True),
        (["*"], True),
        (["gzip;q=0"], False),
        (["gzip; q=0.000"], False),
        (["br, gzip;q=0, *"], False),
        (["*;q=0"], False),
        (["identity"], False),
        (["br, not-gzip"], False),
        (["gzip;q=many"], False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(headers: list[str], takes: bool) -> None:
    pairs = [(b"accept-encoding", header.encode()) for header in headers]
    assert takes_gzip(Request({"type": "http", "headers": pairs})) is takes
