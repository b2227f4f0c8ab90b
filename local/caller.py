"""A service that calls the API: signed with Signature Version 4, over HTTPS."""

import json
from pathlib import Path
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.emulator import REGION


class Caller:
    """One identity.

    Args:
        url: the API's stage.
        ca_bundle: PEM file that vouches for it.
        credentials: whose calls; ``None`` leaves them unsigned.
    """

    def __init__(self, url: str, ca_bundle: Path, credentials: Credentials | None) -> None:
        self._url = url
        self._credentials = credentials
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca_bundle)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """One request; ``body`` is sent as JSON, bytes as they are."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = AWSRequest(
            method, self._url + path, data=data, headers={"Content-Type": "application/json", **(headers or {})}
        )
        if self._credentials is not None:
            SigV4Auth(self._credentials, "execute-api", REGION).add_auth(request)
        return self._session.request(
            method,
            self._url + path,
            data=data,
            headers=dict(request.headers.items()),
            timeout=60,
            allow_redirects=False,
        )
