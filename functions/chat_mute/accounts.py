"""Accounts: Secrets Manager to clients of portals.

An account is one Bitrix24 user on one portal; its secret ``{prefix}/{account}`` is all that there is of it.
"""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from bitrix24 import Client, Webhook
from bitrix24.errors import CredentialError
from chat_mute.errors import AccountNotFound

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS = 300
_NAME = re.compile(r"(?!health$)[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})  # none, or scheduled for deletion
T = TypeVar("T")


class Accounts:
    """The accounts there are.

    Args:
        secretsmanager: the client.
        prefix: of the secrets' names.
        connect: makes an account's client from its name and credentials.
    """

    def __init__(
        self, secretsmanager: "SecretsManagerClient", prefix: str, connect: Callable[[str, Webhook], Client]
    ) -> None:
        self._secrets = SecretsProvider(boto3_client=secretsmanager)
        self._prefix = prefix
        self._connect = connect
        self._clients: dict[str, tuple[str, Client]] = {}

    def use(self, account: str, work: Callable[[Client], T]) -> T:
        """Does ``work`` with the account's client; once more with a new one if the secret was replaced meanwhile.

        The secret is cached for five minutes, so a credential error of the portal may only mean that somebody has
        rotated it: then it is read again, once.

        Raises:
            AccountNotFound: no such secret.
            CredentialError: the secret, as it stands now, is not usable or not accepted.
        """
        secret = self._secret(account)
        try:
            return work(self._client(account, secret))
        except CredentialError:
            replaced = self._secret(account, again=True)
            if replaced == secret:
                raise
        return work(self._client(account, replaced))

    def _secret(self, account: str, *, again: bool = False) -> str:
        if not _NAME.fullmatch(account):
            raise AccountNotFound
        try:
            secret = self._secrets.get(f"{self._prefix}/{account}", max_age=CACHE_SECONDS, force_fetch=again)
        except GetParameterError as error:
            cause = error.__cause__ or error.__context__  # Powertools wraps what boto3 raised
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _GONE:
                raise AccountNotFound from None
            raise
        return secret if isinstance(secret, str) else ""

    def _client(self, account: str, secret: str) -> Client:
        known = self._clients.get(account)
        if known is None or known[0] != secret:
            known = self._clients[account] = (secret, self._connect(account, _webhook(secret)))
        return known[1]


def _webhook(secret: str) -> Webhook:
    try:
        content = json.loads(secret)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and "webhook_url" in content:
        return Webhook.parse(content["webhook_url"])
    raise CredentialError(
        "INVALID_CREDENTIALS", 'The account\'s secret must be JSON like {"webhook_url": "https://..."}.'
    )
