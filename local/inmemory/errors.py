"""The services' exceptions, as a boto3 client raises them."""

from typing import Any

from botocore.exceptions import ClientError


class ConditionalCheckFailedException(ClientError):
    """A condition was not met."""


class TransactionCanceledException(ClientError):
    """A transaction changed nothing; its response says why, action by action."""


class TransactionConflictException(ClientError):
    """A single write met a transaction on the same item."""


class ResourceNotFoundException(ClientError):
    """There is no such table, or secret."""


class InvalidRequestException(ClientError):
    """The secret is scheduled for deletion."""


class ResourceExistsException(ClientError):
    """A secret has this name already."""


class QueueDoesNotExist(ClientError):
    """There is no such queue."""


class ReceiptHandleIsInvalid(ClientError):
    """No message was ever received with this handle."""


class MessageNotInflight(ClientError):
    """The message is visible again."""


class DynamoDBExceptions:
    """What ``client.exceptions`` is."""

    ClientError = ClientError
    ConditionalCheckFailedException = ConditionalCheckFailedException
    ResourceNotFoundException = ResourceNotFoundException
    TransactionCanceledException = TransactionCanceledException
    TransactionConflictException = TransactionConflictException


class SQSExceptions:
    """What ``client.exceptions`` is."""

    ClientError = ClientError
    MessageNotInflight = MessageNotInflight
    QueueDoesNotExist = QueueDoesNotExist
    ReceiptHandleIsInvalid = ReceiptHandleIsInvalid


class SecretsManagerExceptions:
    """What ``client.exceptions`` is."""

    ClientError = ClientError
    InvalidRequestException = InvalidRequestException
    ResourceExistsException = ResourceExistsException
    ResourceNotFoundException = ResourceNotFoundException


def failure(
    kind: type[ClientError], message: str, operation: str = "", *, code: str | None = None, **more: Any
) -> ClientError:
    """An exception of the class ``kind``, with its name as the code unless another is given."""
    response: Any = {
        "Error": {"Code": code or kind.__name__, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0},
        "message": message,
        **more,
    }
    return kind(response, operation)


def invalid(message: str) -> ClientError:
    """What DynamoDB answers to a request that makes no sense: boto3 has no class of its own for it."""
    return failure(ClientError, message, code="ValidationException")
