"""What a deployment changes, and how it takes over."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from local.build import read_template
from tests.template.conditions import applied

Resources = dict[str, Any]
Translate = Callable[..., dict[str, Any]]

CANARY = {"Deployment": "Canary10Percent5Minutes"}


def _version(template: dict[str, Any]) -> tuple[str, Any]:
    """What CloudFormation makes a new version for: another name, or another description."""
    ((name, version),) = [
        (name, one) for name, one in template["Resources"].items() if one["Type"] == "AWS::Lambda::Version"
    ]
    return name, version["Properties"]["Description"]


@pytest.mark.parametrize("changed", ["ChatMuteFunction", "RuntimeLayer", "Bitrix24Layer"])
def test_other_code_or_another_layer_is_published(translate: Translate, changed: str) -> None:
    assert _version(translate(artifacts={changed: "other"}))[0] != _version(translate())[0]
    assert _version(translate())[0] == _version(translate())[0], "and nothing else is"


def test_another_value_of_any_parameter_of_the_function_is_published(translated: dict[str, Any]) -> None:
    """SAM names a version by the template, which a parameter does not change, so its description says the values.

    A version's description cannot be changed: with another one CloudFormation publishes.
    """
    function = translated["Resources"]["ChatMuteFunction"]["Properties"]
    used = {name for name in translated["Parameters"] if f"'Ref': '{name}'" in str(function)}
    assert used == {"SecretPrefix", "LogLevel", "AllowTimeTravel", "Mode"}
    _name, description = _version(translated)
    assert set(re.findall(r"\$\{(\w+)\}", description["Fn::Sub"])) == used


def test_a_changed_way_to_call_is_deployed(resources: Resources) -> None:
    """The API's deployment is named by the template too, so each deployment of the stack deploys the API."""
    template: dict[str, Any] = read_template()
    assert template["Resources"]["Api"]["Properties"]["AlwaysDeploy"] is True
    (stage,) = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::ApiGateway::Stage"]
    assert resources[stage["DeploymentId"]["Ref"]]["Type"] == "AWS::ApiGateway::Deployment"


def test_all_at_once_needs_nothing(translate: Translate) -> None:
    resources = applied(translate(), {})
    assert not [name for name, one in resources.items() if "CodeDeploy" in one["Type"]]
    assert "DeploymentRole" not in resources
    assert "UpdatePolicy" not in resources["ChatMuteFunctionAliaslive"]


def test_a_canary_goes_back_by_itself_when_a_fault_of_ours_rings(translate: Translate) -> None:
    resources = applied(translate(CANARY), CANARY)
    (group,) = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    assert group["DeploymentConfigName"]["Fn::Sub"] == [
        "CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": "Canary10Percent5Minutes"},
    ]  # fmt: skip
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["AlarmConfiguration"]["Enabled"]
    alarms = [one["Name"]["Ref"] for one in group["AlarmConfiguration"]["Alarms"]]
    assert alarms == ["FunctionErrorAlarm", "ApiInternalErrorAlarm", "LookInternalErrorAlarm"]
    assert all(resources[name]["Type"] == "AWS::CloudWatch::Alarm" for name in alarms)
    assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeploymentRole", "Arn"]}
    assert "CodeDeployLambdaAliasUpdate" in resources["ChatMuteFunctionAliaslive"]["UpdatePolicy"]


def test_codedeploy_may_move_this_alias_and_no_other(translate: Translate) -> None:
    resources = applied(translate(CANARY), CANARY)
    (policy,) = resources["DeploymentRole"]["Properties"]["Policies"]
    shift, read = policy["PolicyDocument"]["Statement"]
    assert shift["Resource"] == [
        {"Fn::GetAtt": ["ChatMuteFunction", "Arn"]}, {"Fn::Sub": "${ChatMuteFunction.Arn}:live"},
    ]  # fmt: skip
    assert read["Action"] == "cloudwatch:DescribeAlarms"
