"""`python hashed_roots.py BUNDLE FOLDER`: a PEM bundle as a folder in which OpenSSL finds one certificate by its name.

To parse certifi's 120 certificates costs ten times the handshake they are for; from a folder, OpenSSL reads the one
that a portal's chain leads to. A file's name is the hash of its certificate's subject, as `openssl rehash` has it,
which build machines need not have (X509_NAME_hash: SHA-1 of the subject in canonical form).
"""

import hashlib
import re
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

_END = "-----END CERTIFICATE-----\n"
_TEXTS = {12: "utf-8", 19: "ascii", 20: "latin-1", 22: "ascii", 26: "ascii", 28: "utf-32-be", 30: "utf-16-be"}
_SEQUENCE, _SET, _UTF8, _VERSION = 0x30, 0x31, 12, 0xA0


def write(bundle: str, folder: Path) -> int:
    """Writes each certificate of a bundle into ``folder``. Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for part in bundle.split(_END)[:-1]:
        pem = part[part.index("-----BEGIN CERTIFICATE-----") :] + _END
        name = subject_hash(ssl.PEM_cert_to_DER_cert(pem))
        number = next(number for number in range(100) if not (folder / f"{name}.{number}").exists())
        (folder / f"{name}.{number}").write_text(pem)
        written += 1
    return written


def subject_hash(certificate: bytes) -> str:
    """The hash of a DER certificate's subject, eight hexadecimal digits."""
    ((_, whole),) = _elements(certificate)
    (_, to_be_signed), *_ = _elements(whole)
    fields = [field for field in _elements(to_be_signed) if field[0] != _VERSION]
    _, subject = fields[4]  # after the serial number, the algorithm, the issuer and the validity
    canonical = b"".join(_encode(_SET, _canonical(names)) for _, names in _elements(subject))
    return hashlib.sha1(canonical, usedforsecurity=False).digest()[3::-1].hex()  # a file's name, no secret


def _canonical(names: bytes) -> bytes:
    """Attributes of a name: texts in UTF-8, lower case, with single spaces."""
    canonical = []
    for _, attribute in _elements(names):
        (_, oid), (tag, value) = _elements(attribute)
        if tag in _TEXTS:
            words = re.split(r"[ \t\n\v\f\r]+", value.decode(_TEXTS[tag]).strip(" \t\n\v\f\r"))
            tag, value = _UTF8, " ".join(words).encode().lower()  # bytes.lower() is of ASCII only, as OpenSSL's is
        canonical.append(_encode(_SEQUENCE, _encode(6, oid) + _encode(tag, value)))
    return b"".join(sorted(canonical))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a DER value: tag and content."""
    position = 0
    while position < len(der):
        tag, length = der[position], der[position + 1]
        position += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(der[position : position + size])
            position += size
        yield tag, der[position : position + length]
        position += length


def _encode(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size) + content


if __name__ == "__main__":
    source, target = sys.argv[1:]
    write(Path(source).read_text(encoding="utf-8"), Path(target))
