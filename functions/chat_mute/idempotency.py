"""Doing a thing once per key, through Powertools' idempotency.

Powertools keeps a record per key in DynamoDB: in progress while the work runs, then its result; an exception removes
it, so only successes are kept. The work is the smallest unit around one portal call, *inside* the route, so that an
error's response is never stored and replayed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyValidationError,
)

from chat_mute.budget import Budget
from chat_mute.errors import IdempotencyInProgress, IdempotencyKeyReused

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

Json = dict[str, Any]


class Idempotency:
    """One namespace of keys.

    Args:
        dynamodb: the client.
        table: Powertools' table.
        namespace: part of every key; records outlive deployments, so a change of their shape needs a new name.
        seconds: how long a success is kept.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, namespace: str, seconds: int) -> None:
        self._config = IdempotencyConfig(
            event_key_jmespath="key",
            payload_validation_jmespath="request",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=seconds,
            hash_function="sha256",
            response_hook=cast("Any", _mark_replayed),  # its protocol names the parameters
        )
        # A layer of its own: Powertools configures a layer once, and a second config would silently not count.
        self._run: Callable[..., Json] = idempotent_function(
            _do,
            data_keyword_argument="once",
            config=self._config,
            persistence_store=DynamoDBPersistenceLayer(table_name=table, boto3_client=dynamodb),
            key_prefix=namespace,
        )

    def once(
        self, key: Sequence[str], request: Mapping[str, Any], work: Callable[[], Json], budget: Budget
    ) -> tuple[Json, bool]:
        """Runs ``work`` unless it has succeeded for ``key`` before.

        Args:
            key: everything the key is scoped by, and the key.
            request: what must be the same if the key is.
            work: JSON-safe result; safe to run again after an exception.
            budget: a record in progress is given up when it ends.

        Returns:
            The result, and whether it is a stored one.

        Raises:
            IdempotencyInProgress: somebody else is at it.
            IdempotencyKeyReused: the key belongs to another ``request``.
        """
        # Before every call: without a context a dead record would block its key for its whole life, and with the
        # former invocation's it would expire at once.
        self._config.register_lambda_context(cast("LambdaContext", budget))
        failure: Exception
        try:
            done = self._run(once={"key": list(key), "request": dict(request)}, work=work)
        except IdempotencyAlreadyInProgressError:
            failure = IdempotencyInProgress()
        except IdempotencyValidationError:
            failure = IdempotencyKeyReused()
        else:
            return done["result"], done["replayed"]
        raise failure


def _do(*, once: Json, work: Callable[[], Json]) -> Json:  # noqa: ARG001  Powertools reads `once`
    return {"result": work(), "replayed": False}


def _mark_replayed(stored: Any, _record: "DataRecord") -> Json:
    return {**stored, "replayed": True}
