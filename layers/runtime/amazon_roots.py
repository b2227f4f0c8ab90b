"""`python amazon_roots.py BUNDLE FILE`: the roots that AWS's endpoints chain to, in a small bundle of their own.

botocore has its CA bundle parsed anew for each connection: 120 certificates cost ten times the handshake. Amazon Trust
Services asks who keeps a trust store of their own to have these five (https://www.amazontrust.com/repository/).
"""

import re
import ssl
import sys
from pathlib import Path
from typing import Any

ROOTS = frozenset(
    {
        "Amazon Root CA 1",
        "Amazon Root CA 2",
        "Amazon Root CA 3",
        "Amazon Root CA 4",
        "Starfield Services Root Certificate Authority - G2",
    }
)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


def amazon_roots(bundle: str) -> str:
    """The certificates of a PEM bundle whose subject is one of `ROOTS`.

    Raises:
        LookupError: the bundle lacks one.
    """
    found = {common_name(pem): pem for pem in _CERTIFICATE.findall(bundle)}
    missing = ROOTS - found.keys()
    if missing:
        raise LookupError(f"not in the bundle: {sorted(missing)}")
    return "".join(found[name] for name in sorted(ROOTS))


def common_name(pem: str) -> str | None:
    """A CA certificate's common name; None if it has none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    (certificate,) = context.get_ca_certs()
    fields: Any = certificate["subject"]  # a tuple of one pair for each
    return dict(pair for (pair,) in fields).get("commonName")


if __name__ == "__main__":
    source, target = sys.argv[1:]
    Path(target).write_text(amazon_roots(Path(source).read_text(encoding="utf-8")), encoding="ascii")
