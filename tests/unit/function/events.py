"""Events as Lambda gets them."""

from collections.abc import Mapping
from typing import Any

USER = "arn:aws:iam::123456789012:user/ci"
REQUEST_ID = "0a1b2c3d-0000-4000-8000-00000000000a"


def api_event(
    method: str,
    resource: str,
    parameters: Mapping[str, str] | None,
    *,
    body: str | None = None,
    base64: bool = False,
    headers: Mapping[str, list[str]] | None = None,
    query: Mapping[str, str] | None = None,
    identity: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What API Gateway's REST API sends a proxy integration."""
    parameters = parameters and dict(parameters)
    path = resource
    for name, value in (parameters or {}).items():
        path = path.replace("{" + name + "}", value).replace("{" + name + "+}", value)
    return {
        "resource": resource,
        "path": "/base-path" + path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in headers.items() if values} if headers else None,
        "multiValueHeaders": dict(headers) if headers is not None else None,
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": parameters,
        "stageVariables": None,
        "requestContext": {
            "requestId": REQUEST_ID,
            "stage": "v1",
            "httpMethod": method,
            "identity": {"userArn": USER, "apiKeyId": None, "sourceIp": "192.0.2.1", **(identity or {})},
        },
        "body": body,
        "isBase64Encoded": base64,
    }


def post(body: str | None, account: str = "default", **options: Any) -> dict[str, Any]:
    """``POST /{account}/im.chat.mute``."""
    parameters = {"account": account, "proxy": "im.chat.mute"}
    return api_event("POST", "/{account}/{proxy+}", parameters, body=body, **options)


EVENTBRIDGE = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-03-03T12:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/nightly"],
    "detail": {},
}
S3 = {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}}}]}
SQS = {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": "{}"}]}
TICK = {"tick": "2026-03-03T12:00:00Z"}
