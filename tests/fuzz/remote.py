"""The same requests through HTTPS, signed, to a stack that runs elsewhere."""

import os
from dataclasses import replace

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.structures import CaseInsensitiveDict

from tests.fuzz.gateway import Sent, route
from tests.fuzz.town import Broken, Told, check

_OURS = ("Content-Type", "Location", "Allow", "ETag", "Retry-After", "Idempotency-Replayed", "Vary")


class Remote:
    """A running stack; whose signature is asked for comes from the environment.

    Args:
        url: the API's stage.
        ca_bundle: PEM file that vouches for it.

    Attributes:
        refused: how often the gateway itself did not take a signature: clients and servers write odd paths differently.
    """

    def __init__(self, url: str, ca_bundle: str) -> None:
        self._url = url
        self._credentials = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        self._region = os.environ["AWS_REGION"]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_bundle
        self.refused = 0

    def tell(self, sent: Sent) -> Told | None:
        """What the API answers; None where the request cannot be sent so, or is the gateway's to refuse.

        Raises `Broken` for what the contract does not know.
        """
        # Whoever ends TLS takes no control characters; and MiniStack joins empty parts of a path, which AWS does not.
        path = sent.target.partition("?")[0].lower()
        if not all(value.isprintable() for _, value in sent.headers) or "//" in path or "%2f" in path:
            return None
        try:
            headers = dict(CaseInsensitiveDict(sent.headers))
            request = requests.Request(sent.method, self._url + sent.target, headers, data=sent.body)
            prepared = self._session.prepare_request(request)
        except (requests.exceptions.InvalidHeader, UnicodeError):
            return None
        url = prepared.url or ""  # without dots, which clients take out
        if not url.startswith(self._url + "/"):
            return None
        sent = replace(sent, target=url.removeprefix(self._url))
        if route(sent) is None:
            return None
        signed = AWSRequest(sent.method, url, headers, sent.body)
        SigV4Auth(self._credentials, "execute-api", self._region).add_auth(signed)
        prepared.headers.update(signed.headers.items())
        answer = self._session.send(prepared, timeout=60, allow_redirects=False)
        if answer.status_code == 403 and answer.json().get("error", "FORBIDDEN") == "FORBIDDEN":
            self.refused += 1
            return None
        came = {name: answer.headers[name] for name in _OURS if name in answer.headers}
        if not answer.content:
            came.pop("Content-Type", None)  # a gateway gives one to everything
        told = Told(answer.status_code, came, answer.text)
        if problems := _problems(sent, told):
            raise Broken("\n".join([f"{sent}"[:4000], f"{told}"[:2000], *problems]))
        return told


def _problems(sent: Sent, told: Told) -> list[str]:
    """What is wrong, whichever way this gateway hands parts of a path on."""
    found: list[str] = []
    for decoded in (True, False):
        one = replace(sent, decoded=decoded)
        to = route(one)
        problems = check(one, to, told) if to else []
        if not problems:
            return []
        found += problems
    return found
