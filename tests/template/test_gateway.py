"""What the gateway does before our code is asked: routes, who gets in, and its own answers."""

import json
from typing import Any

import pytest

from tests.template.conditions import applied

Resources = dict[str, Any]

ROUTES = {
    ("/health", "get"),
    ("/openapi.yaml", "get"),
    ("/{account}", "get"),
    ("/{account}/{proxy+}", "get"),
    ("/{account}/{proxy+}", "post"),
    ("/{account}/{proxy+}", "put"),
    ("/{account}/{proxy+}", "delete"),
}

PUBLIC = {("/health", "get"), ("/openapi.yaml", "get")}


@pytest.fixture
def paths(resources: Resources) -> dict[str, Any]:
    found: dict[str, Any] = resources["Api"]["Properties"]["Body"]["paths"]
    return found


def test_the_gateway_knows_exactly_these_routes(paths: dict[str, Any]) -> None:
    assert {(path, method) for path, methods in paths.items() for method in methods} == ROUTES


def _asked_of_callers(body: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    """By route: what API Gateway asks of a caller. It goes by what a security scheme is, not by its name."""
    kinds = {}
    for name, scheme in body["components"]["securitySchemes"].items():
        header = (scheme["type"], scheme["in"], scheme["name"].lower())
        if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4" and header == ("apiKey", "header", "authorization"):
            kinds[name] = "signature"
        elif "x-amazon-apigateway-authtype" not in scheme and header == ("apiKey", "header", "x-api-key"):
            kinds[name] = "key"
    return {
        (path, method): {kinds[name] for one in operation["security"] for name in one}
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize(("mode", "asked"), [("IAM", "signature"), ("API_KEY", "key")])
def test_every_route_but_the_two_public_ones_asks_who_is_calling(
    translated: dict[str, Any], mode: str, asked: str
) -> None:
    body = applied(translated, {"AuthMode": mode})["Api"]["Properties"]["Body"]
    assert _asked_of_callers(body) == {route: set() if route in PUBLIC else {asked} for route in ROUTES}


def test_a_key_comes_with_a_plan_for_this_stage(translated: dict[str, Any]) -> None:
    assert not {"ApiKey", "ApiUsagePlan", "ApiUsagePlanKey"} & set(applied(translated, {"AuthMode": "IAM"}))
    resources = applied(translated, {"AuthMode": "API_KEY"})
    (stage,) = [name for name, one in resources.items() if one["Type"] == "AWS::ApiGateway::Stage"]
    plan = resources["ApiUsagePlan"]["Properties"]
    assert plan["ApiStages"] == [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": stage}}]
    assert resources["ApiUsagePlanKey"]["Properties"] == {
        "KeyId": {"Ref": "ApiKey"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "ApiUsagePlan"},
    }  # fmt: skip
    assert translated["Outputs"]["ApiKeyId"]["Condition"] == "HasApiKey"


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


def _stage(resources: Resources) -> dict[str, Any]:
    (stage,) = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::ApiGateway::Stage"]
    return stage  # type: ignore[no-any-return]


def test_the_api_is_regional_and_takes_modern_tls_only(resources: Resources) -> None:
    api = resources["Api"]["Properties"]
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    assert api["EndpointAccessMode"] == "STRICT", "such a policy needs one"


def test_the_stage_is_throttled_and_more_so_what_anybody_may_ask(resources: Resources) -> None:
    limits = {one["ResourcePath"]: one for one in _stage(resources)["MethodSettings"]}
    assert limits["/*"]["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}
    for path, _method in PUBLIC:
        own = limits["/" + path.replace("/", "~1")]
        assert own["ThrottlingRateLimit"] < 50
        assert own["ThrottlingBurstLimit"] < limits["/*"]["ThrottlingBurstLimit"]


def test_requests_are_logged_only_if_asked_for_and_never_their_bodies(translated: dict[str, Any]) -> None:
    assert "AccessLogSetting" not in _stage(applied(translated, {}))
    resources = applied(translated, {"AccessLog": "true"})
    setting = _stage(resources)["AccessLogSetting"]
    assert setting["DestinationArn"] == {"Fn::GetAtt": ["ApiLogs", "Arn"]}
    assert resources["ApiLogs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    line = json.loads(setting["Format"])
    assert {"caller", "key", "route", "status"} < set(line)
    assert not [
        value for value in line.values() if "body" in value.lower() or "authorizer" in value or "header" in value
    ]
    assert all(one.get("DataTraceEnabled", False) is False for one in _stage(resources)["MethodSettings"])
