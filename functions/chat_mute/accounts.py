"""Accounts: Secrets Manager to clients of portals.

An account is one Bitrix24 user on one portal; its secret ``{prefix}/{account}`` is all that there is of it.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from bitrix24 import Client, Credentials, OAuth, Rate, Webhook
from bitrix24.errors import CredentialError
from chat_mute.errors import AccountNotFound

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300
_NAME = re.compile(r"(?!health$)[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})  # none, or scheduled for deletion
T = TypeVar("T")


class Secrets:
    """The accounts' secrets, read through a cache of five minutes.

    Args:
        connect: makes the client on first use, because a tick needs none.
        prefix: of the secrets' names.
    """

    def __init__(self, connect: "Callable[[], SecretsManagerClient]", prefix: str) -> None:
        self._connect = connect
        self._prefix = prefix

    def read(self, account: str, *, again: bool = False) -> str:
        """The secret's text; ``again`` passes the cache by. A binary secret is no text, and reads as an empty one.

        Raises:
            AccountNotFound: there is none.
        """
        if not _NAME.fullmatch(account):
            raise AccountNotFound
        try:
            secret = self._cached.get(self._id(account), max_age=CACHE_SECONDS, force_fetch=again)
        except GetParameterError as error:
            cause = error.__cause__ or error.__context__  # Powertools wraps what boto3 raised
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _GONE:
                raise AccountNotFound from None
            raise
        return secret if isinstance(secret, str) else ""

    def write(self, account: str, document: Mapping[str, Any]) -> None:
        """Replaces the secret."""
        self._connect().put_secret_value(SecretId=self._id(account), SecretString=json.dumps(document))

    @cached_property
    def _cached(self) -> SecretsProvider:
        return SecretsProvider(boto3_client=self._connect())

    def _id(self, account: str) -> str:
        return f"{self._prefix}/{account}"


class Accounts:
    """The accounts there are.

    Args:
        secrets: where they are.
        connect: makes an account's client from its name, its credentials and its portal's rate.
    """

    def __init__(self, secrets: Secrets, connect: Callable[[str, Credentials, Rate], Client]) -> None:
        self._secrets = secrets
        self._connect = connect
        self._clients: dict[str, tuple[str, Client]] = {}

    def credentials(self, account: str) -> Credentials:
        """The account's credentials, as they are cached.

        Raises:
            AccountNotFound: no such secret.
            CredentialError: the secret is not usable.
        """
        return parse(self._secrets.read(account))[0]

    def exists(self, account: str) -> bool:
        """Whether the account's secret is there now, whatever the cache says."""
        try:
            self._secrets.read(account, again=True)
        except AccountNotFound:
            return False
        return True

    def use(self, account: str, work: Callable[[Client], T]) -> T:
        """Does ``work`` with the account's client; once more with a new one if the secret was replaced meanwhile.

        The secret is cached for five minutes, so a credential error of the portal may only mean that somebody has
        rotated it: then it is read again, once.

        Raises:
            AccountNotFound: no such secret.
            CredentialError: the secret, as it stands now, is not usable or not accepted.
        """
        secret = self._secrets.read(account)
        try:
            return work(self._client(account, secret))
        except CredentialError:
            replaced = self._secrets.read(account, again=True)
            if replaced == secret:
                raise
        return work(self._client(account, replaced))

    def _client(self, account: str, secret: str) -> Client:
        known = self._clients.get(account)
        if known is None or known[0] != secret:
            known = self._clients[account] = (secret, self._connect(account, *parse(secret)))
        return known[1]


def parse(secret: str) -> tuple[Credentials, Rate]:
    """Reads a secret: a webhook or OAuth tokens, and the portal's rate where it is not the usual one.

    Raises:
        CredentialError: it is neither; the reason never quotes it.
    """
    try:
        content = json.loads(secret)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and "webhook_url" in content:
        return Webhook.parse(content["webhook_url"]), _rate(content.get("rate"))
    if isinstance(content, dict) and "refresh_token" in content:
        return OAuth.parse(content), _rate(content.get("rate"))
    raise _unusable('it must be JSON like {"webhook_url": "https://..."}, or OAuth tokens')


def _rate(rate: object) -> Rate:
    if rate is None:
        return Rate()
    if isinstance(rate, dict) and rate.keys() == {"burst", "per_second"}:
        burst, per_second = rate["burst"], rate["per_second"]
        if _is_positive(burst, 10_000) and _is_positive(per_second, 1_000):
            return Rate(burst, per_second)
    raise _unusable('its rate must be like {"burst": 50, "per_second": 2}')


def _is_positive(number: object, most: int) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 < number <= most


def _unusable(reason: str) -> CredentialError:
    return CredentialError("INVALID_CREDENTIALS", f"The account's secret is not usable: {reason}.")
