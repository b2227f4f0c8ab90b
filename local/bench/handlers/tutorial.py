"""The same as Powertools' documentation teaches it: resolver with validation, pydantic, Tracer, Metrics, get_secret.

Every client and session is a default one, boto3's data are whole, AWS's CA bundle is the usual one.
"""

import os
from typing import Literal

import requests
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

tracer = Tracer(service="tutorial")
logger = Logger(service="tutorial")
metrics = Metrics(namespace="Tutorial", service="tutorial")
app = APIGatewayRestResolver(enable_validation=True)
config = IdempotencyConfig(event_key_jmespath="key", expires_after_seconds=86400)
persistence = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])


class Mute(BaseModel):
    """The request's body."""

    CHAT_ID: int = Field(gt=0)
    MUTE: Literal["Y", "N"] = "Y"


@tracer.capture_method
@idempotent_function(data_keyword_argument="call", config=config, persistence_store=persistence)
def mute_chat(*, call: dict) -> dict:
    """Calls the portal."""
    secret = parameters.get_secret(f"{os.environ['SECRET_PREFIX']}/{call['account']}", transform="json", max_age=300)
    answer = requests.post(f"{secret['webhook_url']}im.chat.mute", json=call["fields"], timeout=25)
    answer.raise_for_status()
    return answer.json()


@app.post("/<account>/im.chat.mute")
@tracer.capture_method
def mute(account: str, body: Mute) -> dict:
    """The route."""
    key = app.current_event.headers["Idempotency-Key"]
    result = mute_chat(call={"key": key, "account": account, "fields": body.model_dump()})
    metrics.add_metric(name="ChatMuted", unit=MetricUnit.Count, value=1)
    logger.info("chat set", extra={"account": account, "chat": body.CHAT_ID})
    return result


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict, context: LambdaContext) -> dict:
    """Answers an event of API Gateway."""
    config.register_lambda_context(context)
    return app.resolve(event, context)
