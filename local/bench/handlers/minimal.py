"""A minimal handler of the mandated packages: boto3, requests, Powertools' Logger, idempotency and parameters.

No validation, no errors, no state of its own. On our layers, so with our byte-code, trimmed data and small CA bundle.
"""

import json
import os
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.parameters import SecretsProvider

logger = Logger(service="minimal")
session = boto3.session.Session()
secrets = SecretsProvider(boto3_client=session.client("secretsmanager"))
config = IdempotencyConfig(event_key_jmespath="key", expires_after_seconds=86400)
persistence = DynamoDBPersistenceLayer(
    table_name=os.environ["IDEMPOTENCY_TABLE"], boto3_client=session.client("dynamodb")
)
portal = requests.Session()


@idempotent_function(data_keyword_argument="call", config=config, persistence_store=persistence)
def mute(*, call: dict[str, Any]) -> dict[str, Any]:
    """Calls the portal."""
    secret = secrets.get(f"{os.environ['SECRET_PREFIX']}/{call['account']}", max_age=300)
    webhook = json.loads(secret)["webhook_url"]  # type: ignore[arg-type]
    answer = portal.post(f"{webhook}im.chat.mute", json=call["fields"], timeout=25)
    answer.raise_for_status()
    result: dict[str, Any] = answer.json()
    return result


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers an event of API Gateway."""
    config.register_lambda_context(context)
    call = {
        "key": event["headers"]["Idempotency-Key"],
        "account": event["pathParameters"]["account"],
        "fields": json.loads(event["body"]),
    }
    result = mute(call=call)
    logger.info("chat set", extra={"account": call["account"], "chat": call["fields"]["CHAT_ID"]})
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(result)}
