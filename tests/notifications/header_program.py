"""Writes and checks heads of mails of hostile texts, on whichever Python runs it.

``python header_program.py PATH_OF_headers.py`` needs nothing but the standard library, and prints a line
of JSON: the version, how many texts were tried, and how many headers this Python's own header factory
lets texts add (the fault that the module is there for). ``--control`` tries the latter only.
"""

import importlib.util
import json
import random
import sys
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP, compat32, default
from types import ModuleType

EXPECTED = ("To", "Subject", "Content-Type")
BCC = "=?utf-8?q?x=0ABcc:_evil@evil.example?="
TEXTS = [
    BCC,
    "=?utf-8?q?x=0D=0ABcc:_evil@evil.example=0D=0A=0D=0A<b>body</b>?=",
    "=?utf-8?b?eApCY2M6IGV2aWxAZXZpbC5leGFtcGxlCgpib2R5?=",
    "=?us-ascii?q?x=0ABcc:_evil@evil.example?= =?us-ascii?q?=0Ay?=",
    "=?utf-8?q?x=00y?=",
    "=?utf-8?q?=2E?=",
    "=?unknown-charset?q?x?=",
    "=?utf-8?q?x",
    "=?=?=?==?utf-8?q??=",
    "=?",
    "?=",
    f"long {'word ' * 30}{BCC}",
    f"Вечер {BCC} Ж",
    f'"{BCC}" <evil@evil.example>',
    "x\r\nBcc: evil@evil.example",
    "x\nBcc: evil@evil.example\n\nbody",
    "x\x0bBcc: y\x0cz\x1c\x1d\x1e\x85\u2028\u2029w",
    "x\0y",
    "\ud800 lone",
    " leading and trailing ",
    "\t",
    "",
    "a" * 2000,
    "Ж" * 700,
    "e" + "\u0301" * 500,
    "👩\u200d👩\u200d👧\u200d👦" * 40,
    "שלום עולם \u202e\u2066",
    "a, b; c: <d> (e) \"f\" \\ 'g' @h [i].",
    "Foo Bar, Jr.",
    "=" * 80,
    "_ ? = . _" * 20,
]
PIECES = [
    "=?",
    "?=",
    "?q?",
    "?b?",
    "?Q?",
    "?B?",
    "utf-8",
    "us-ascii",
    "=0A",
    "=0D=0A",
    "=00",
    "Cg==",
]
PIECES += [
    "DQo=",
    "Bcc:",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "_",
    "=",
    "?",
    ":",
    "<",
    ">",
    ",",
    ";",
    '"',
    "\\",
]
PIECES += [
    "(",
    ")",
    "@",
    ".",
    "a",
    "x" * 90,
    "é",
    "Ж",
    "\u0301",
    "\u200b",
    "\u2028",
    "\0",
    "\x7f",
    "\ud83d",
]


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("headers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(count: int = 400) -> list[str]:
    chance = random.Random(20261125)
    made = ("".join(chance.choices(PIECES, k=chance.randint(1, 14))) for _ in range(count))
    return [*TEXTS, *made]


def shown(text: str) -> str:
    """The text as a reader's program is to show it: line breaks are spaces by then."""
    return " ".join(text.splitlines()).encode("utf-8", "replace").decode()


def try_text(headers: ModuleType, text: str) -> None:
    end = b"Content-Type: text/plain\r\n\r\nbody"
    for name in (text, ""):
        to = headers.address_header("To", name, "ada@guests.example")
        mail = to + headers.text_header("Subject", text) + end
        headers.check_headers(mail, EXPECTED)
        for policy in (compat32, default):
            read = message_from_bytes(mail, policy=policy)
            assert tuple(read.keys()) == EXPECTED, text
            assert read.get_payload() == "body", text
        plain = message_from_bytes(mail, policy=compat32)
        subject = str(make_header(decode_header(plain["Subject"])))
        assert subject.split() == shown(text).split(), (subject, text)
        assert (
            plain["To"].replace("\r\n", "").endswith("ada@guests.example>" if name else "example")
        )
        assert all(len(line) <= 78 for line in mail.split(b"\r\n")), text


def adds_a_header(text: str) -> bool:
    """Whether the standard library's header factory lets it: the control."""
    try:
        folded = SMTP.header_factory("Subject", text).fold(policy=SMTP)
    except Exception:
        return False
    return any(line.lower().startswith(("bcc:", "<b>")) for line in folded.split("\r\n"))


def refuses(headers: ModuleType, mail: bytes) -> bool:
    try:
        headers.check_headers(mail, EXPECTED)
    except headers.UnsafeHeaders:
        return True
    return False


def main() -> None:
    headers = load(sys.argv[1])
    tried = [] if "--control" in sys.argv else texts()
    for text in tried:
        try_text(headers, text)
    fooled = sum(adds_a_header(text) for text in (BCC, TEXTS[1]))
    print(json.dumps({"version": sys.version.split()[0], "tried": len(tried), "fooled": fooled}))


if __name__ == "__main__":
    main()
