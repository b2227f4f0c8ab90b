"""Secrets Manager in this process."""
# ruff: noqa: N803  the arguments are boto3's

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from local.inmemory.errors import (
    InvalidRequestException,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretsManagerExceptions,
    failure,
)

_ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:"
_RECOVERY_DAYS = 30


@dataclass
class _Secret:
    arn: str
    name: str
    content: dict[str, Any]
    version: int
    created: datetime
    gone_at: datetime | None = None


class SecretsManager:
    """Stands where a boto3 client is wanted.

    Args:
        clock: tells Unix seconds.

    Attributes:
        calls: how often each operation was called, refused calls included.
    """

    exceptions = SecretsManagerExceptions

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secrets: dict[str, _Secret] = {}
        self._made = 0
        self._lock = Lock()
        self.calls: Counter[str] = Counter()

    def create_secret(
        self, *, Name: str, SecretString: str | None = None, SecretBinary: bytes | None = None
    ) -> dict[str, Any]:
        """A new secret."""
        with self._lock:
            self.calls["create_secret"] += 1
            old = self._secrets.get(Name)
            if old is not None and old.gone_at is not None:
                raise failure(
                    InvalidRequestException,
                    "You can't create this secret because a secret with this name is already scheduled for deletion.",
                    "CreateSecret",
                )
            if old is not None:
                raise failure(
                    ResourceExistsException,
                    f"The operation failed because the secret {Name} already exists.",
                    "CreateSecret",
                )
            self._made += 1
            secret = _Secret(
                f"{_ARN}{Name}-{self._made:06}", Name, _content(SecretString, SecretBinary), 1, self._now()
            )
            self._secrets[Name] = secret
            return {"ARN": secret.arn, "Name": Name, "VersionId": _version(secret)}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        """What the secret is now."""
        with self._lock:
            self.calls["get_secret_value"] += 1
            secret = self._usable(SecretId, "GetSecretValue")
            return {
                "ARN": secret.arn,
                "Name": secret.name,
                "VersionId": _version(secret),
                **secret.content,
                "VersionStages": ["AWSCURRENT"],
                "CreatedDate": secret.created,
            }

    def put_secret_value(
        self, *, SecretId: str, SecretString: str | None = None, SecretBinary: bytes | None = None
    ) -> dict[str, Any]:
        """A new version of the secret."""
        with self._lock:
            self.calls["put_secret_value"] += 1
            secret = self._usable(SecretId, "PutSecretValue")
            secret.content = _content(SecretString, SecretBinary)
            secret.version += 1
            secret.created = self._now()
            return {
                "ARN": secret.arn,
                "Name": secret.name,
                "VersionId": _version(secret),
                "VersionStages": ["AWSCURRENT"],
            }

    def delete_secret(
        self,
        *,
        SecretId: str,
        RecoveryWindowInDays: int = _RECOVERY_DAYS,
        ForceDeleteWithoutRecovery: bool = False,
    ) -> dict[str, Any]:
        """Schedules the secret's deletion, from when on it cannot be read; or does away with it at once."""
        with self._lock:
            self.calls["delete_secret"] += 1
            secret = self._found(SecretId) if ForceDeleteWithoutRecovery else self._usable(SecretId, "DeleteSecret")
            if ForceDeleteWithoutRecovery:
                del self._secrets[secret.name]
                gone_at = self._now()
            else:
                gone_at = secret.gone_at = self._now() + timedelta(days=RecoveryWindowInDays)
            return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": gone_at}

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _found(self, secret_id: str) -> _Secret:
        """By name or by ARN; a secret whose recovery window is over is none."""
        name = secret_id.removeprefix(_ARN).rpartition("-")[0] if secret_id.startswith(_ARN) else secret_id
        secret = self._secrets.get(name)
        if secret is not None and secret.gone_at is not None and secret.gone_at <= self._now():
            del self._secrets[name]
            secret = None
        if secret is None:
            raise failure(ResourceNotFoundException, "Secrets Manager can't find the specified secret.")
        return secret

    def _usable(self, secret_id: str, operation: str) -> _Secret:
        secret = self._found(secret_id)
        if secret.gone_at is not None:
            raise failure(
                InvalidRequestException,
                "You can't perform this operation on the secret because it was marked for deletion.",
                operation,
            )
        return secret


def _content(text: str | None, binary: bytes | None) -> dict[str, Any]:
    return {"SecretString": text} if binary is None else {"SecretBinary": binary}


def _version(secret: _Secret) -> str:
    return f"00000000-0000-4000-8000-{secret.version:012}"
