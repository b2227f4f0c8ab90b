"""Clients of AWS that live in this process: for tests in virtual time, crash harnesses and simulations of scale.

    clock = Clock()                                         # anything callable that returns Unix seconds
    dynamodb = DynamoDB({"state": Table({"pk": "S", "sk": "S"}, {"due": Index({"shard": "S", "due": "N"})})})
    sqs = Queues({"https://sqs/work.fifo": Queue(redrive=Redrive("https://sqs/dead.fifo", 3)),
                  "https://sqs/dead.fifo": Queue()}, clock)
    secrets = SecretsManager(clock)

They stand where a boto3 *client* is wanted: the same keyword arguments, response shapes and exceptions. What they do,
they do as AWS documents it (`tests/integration/test_inmemory_contract.py` holds them against an emulator over HTTP).
What they do not do is refused loudly: an unknown argument is a `TypeError`, an unknown part of an expression
`NotImplementedError`; only DynamoDB's reserved words are not known here. They count: `calls` by operation, and
`DynamoDB.consumed` in capacity units, which is what AWS sends the bill for.
"""

from local.inmemory.capacity import Capacity
from local.inmemory.dynamodb import DynamoDB
from local.inmemory.secrets import SecretsManager
from local.inmemory.sqs import Queue, Queues, Redrive
from local.inmemory.tables import Index, Table

__all__ = ["Capacity", "DynamoDB", "Index", "Queue", "Queues", "Redrive", "SecretsManager", "Table"]
