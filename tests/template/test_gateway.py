"""What the gateway does before our code is asked: routes, who gets in, and its own answers."""

import json
from typing import Any

import pytest

Resources = dict[str, Any]

ROUTES = {
    ("/health", "get"),
    ("/{account}", "get"),
    ("/{account}/{proxy+}", "get"),
    ("/{account}/{proxy+}", "post"),
    ("/{account}/{proxy+}", "put"),
    ("/{account}/{proxy+}", "delete"),
}


@pytest.fixture
def paths(resources: Resources) -> dict[str, Any]:
    found: dict[str, Any] = resources["Api"]["Properties"]["Body"]["paths"]
    return found


def test_the_gateway_knows_exactly_these_routes(paths: dict[str, Any]) -> None:
    assert {(path, method) for path, methods in paths.items() for method in methods} == ROUTES


def test_every_route_is_signed_but_health(paths: dict[str, Any]) -> None:
    unsigned = {
        (path, method)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation.get("security") != [{"AWS_IAM": []}]
    }
    assert unsigned == {("/health", "get")}
    assert paths["/health"]["get"]["security"] == [{"NONE": []}]


def test_callers_need_no_right_to_invoke_the_function(paths: dict[str, Any]) -> None:
    integrations = [
        operation["x-amazon-apigateway-integration"] for methods in paths.values() for operation in methods.values()
    ]
    assert all("credentials" not in integration for integration in integrations)
    assert {json.dumps(integration["uri"]) for integration in integrations} == {json.dumps(integrations[0]["uri"])}, (
        "one Lambda, by its alias"
    )
    assert "ChatMuteFunctionAliaslive" in json.dumps(integrations[0]["uri"])


@pytest.mark.parametrize(
    ("kind", "status", "code", "headers"),
    [
        ("ACCESS_DENIED", 403, "FORBIDDEN", {}),
        ("EXPIRED_TOKEN", 403, "FORBIDDEN", {}),
        ("INVALID_API_KEY", 403, "FORBIDDEN", {}),
        ("INVALID_SIGNATURE", 403, "FORBIDDEN", {}),
        ("MISSING_AUTHENTICATION_TOKEN", 403, "FORBIDDEN", {}),
        ("UNAUTHORIZED", 403, "FORBIDDEN", {}),
        ("WAF_FILTERED", 403, "FORBIDDEN", {}),
        ("RESOURCE_NOT_FOUND", 404, "NOT_FOUND", {}),
        ("REQUEST_TOO_LARGE", 413, "TOO_LARGE", {}),
        ("THROTTLED", 429, "TOO_MANY_REQUESTS", {"Retry-After": "'1'"}),
        ("QUOTA_EXCEEDED", 429, "TOO_MANY_REQUESTS", {"Retry-After": "'1'"}),
        ("INTEGRATION_TIMEOUT", 504, "PORTAL_TIMEOUT", {}),
        ("DEFAULT_4XX", None, "INVALID_PARAMETER", {}),
        ("DEFAULT_5XX", None, "INTERNAL_SERVER_ERROR", {}),
    ],
)
def test_the_gateways_own_answers_have_the_apis_error_shape(
    resources: Resources, kind: str, status: int | None, code: str, headers: dict[str, str]
) -> None:
    body = resources["Api"]["Properties"]["Body"]
    response = body["x-amazon-apigateway-gateway-responses"][kind]
    assert response.get("statusCode") == (None if status is None else str(status)) or response["statusCode"] == status
    prefix = "gatewayresponse.header."
    assert {
        name.removeprefix(prefix): value for name, value in response.get("responseParameters", {}).items()
    } == headers
    template = response["responseTemplates"]["application/json"].replace("$context.error.messageString", '"why"')
    answer = json.loads(template)
    assert set(answer) == {"error", "error_description"}
    assert answer["error"] == code


def test_the_api_is_regional_and_throttled(resources: Resources) -> None:
    assert resources["Api"]["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    (stage,) = [one for one in resources.values() if one["Type"] == "AWS::ApiGateway::Stage"]
    (settings,) = stage["Properties"]["MethodSettings"]
    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] > 0
