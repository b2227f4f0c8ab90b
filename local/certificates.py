"""A certificate authority of this machine's own, for the portal and the API's front."""

import ssl
from pathlib import Path

import certifi
import trustme


class Authority:
    """Issues certificates for loopback.

    Args:
        folder: where the CA's certificate is written, beside the public ones, for clients that want a file.
    """

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + self._ca.cert_pem.bytes())

    def server_context(self) -> ssl.SSLContext:
        """TLS for a server on 127.0.0.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context
