"""All that the emulator needs otherwise than AWS. Everything else is template.yaml itself.

MiniStack 1.5.33 (measured; docs/decisions.md has the list):

1. runs the managed Python runtimes on its own interpreter, so the function gets `provided.al2023` and a bootstrap that
   starts AWS's own runtime client;
2. mounts no layers for such a runtime, so the bootstrap puts them on the path, in AWS's order, and `AWS_CA_BUNDLE`
   names the file in the built layer (nothing reads it: the emulator speaks plain HTTP);
3. hands its own environment to the function, so the bootstrap takes that out again, and sets log format and level;
4. drops a table's time-to-live and point-in-time recovery, and the API's gateway responses: set after the deployment;
5. knows an action `sqs:SendMessageBatch`, which on AWS is part of `sqs:SendMessage`: who has one gets the other;
6. has no CodeDeploy, writes no access log, and lets SAM see the parameters' defaults only: `Stage` and `Deployment`
   stay at theirs, the other parameters are conditions, which it decides as AWS does;
7. knows no alarm that calculates: such a one watches the first of its metrics alone;
8. and the portal is this machine's own, its certificate and its token server too: `REQUESTS_CA_BUNDLE` is
   another one, and `TOKEN_HOSTS` the only variable the template has not.
"""

import io
import json
import shlex
import stat
import time
import zipfile
from pathlib import Path
from typing import Any

from local.build import build, read_template
from local.emulator import REGION, Emulator
from local.paths import venv_python

STACK = "quiet-hours-local"
_BUCKET = "artifacts"
_FUNCTION = "ChatMuteFunction"
_LAYERS = ("RuntimeLayer", "Bitrix24Layer")
_EMULATORS_OWN = (
    "AUTH", "BIND_HOST", "GATEWAY_PORT", "HOME", "IOT_MTLS_ENABLED", "MINISTACK_REGION", "SFTP_ENABLED", "TMPDIR",
)  # fmt: skip


def deploy(emulator: Emulator, ca_bundle: Path, token_host: str, parameters: dict[str, str]) -> dict[str, str]:
    """Builds the project and deploys it.

    Args:
        emulator: where to.
        ca_bundle: PEM file the function trusts portals by.
        token_host: where the portal's token server is.
        parameters: of the template.

    Returns:
        The stack's outputs.

    Raises:
        RuntimeError: the stack was not created; the message has the reason.
    """
    folders = build()
    template: dict[str, Any] = read_template()
    resources = template["Resources"]
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def upload(name: str, content: bytes) -> dict[str, str]:
        s3.put_object(Bucket=_BUCKET, Key=name, Body=content)
        return {"Bucket": _BUCKET, "Key": name}

    function = resources[_FUNCTION]["Properties"]
    bootstrap = _bootstrap([folders[layer] / "python" for layer in _LAYERS], parameters["LogLevel"])
    function["CodeUri"] = upload("function.zip", _zip(folders[_FUNCTION], bootstrap))
    function.update(Runtime="provided.al2023", Architectures=["x86_64"])
    function["Environment"]["Variables"] |= {
        "REQUESTS_CA_BUNDLE": str(ca_bundle),
        "TOKEN_HOSTS": token_host,
        "AWS_CA_BUNDLE": str(folders["RuntimeLayer"] / "amazon-roots.pem"),
    }
    for layer in _LAYERS:
        resources[layer]["Properties"]["ContentUri"] = upload(f"{layer}.zip", _zip(folders[layer], None, "*.md"))
        resources[layer]["Properties"]["CompatibleRuntimes"] = ["provided.al2023"]
    _allow_batches(resources["ChatMuteRole"])
    for resource in resources.values():
        if "Metrics" in resource["Properties"]:
            _simplify(resource["Properties"])

    outputs = _create(emulator, template, parameters)
    _set_what_was_dropped(emulator, template, outputs)
    return outputs


def _bootstrap(layers: list[Path], log_level: str) -> str:
    path = ":".join(shlex.quote(str(layer)) for layer in layers)
    return f"""#!/bin/sh
unset {" ".join(_EMULATORS_OWN)}
export TZ=:UTC HOME=/tmp AWS_EXECUTION_ENV=AWS_Lambda_python3.13 PYTHONPATH={path} PYTHONUNBUFFERED=1
export AWS_LAMBDA_LOG_FORMAT=JSON AWS_LAMBDA_LOG_LEVEL={log_level}
exec {shlex.quote(str(venv_python("lambda")))} -m awslambdaric "$_HANDLER"
"""


def _zip(folder: Path, bootstrap: str | None, pattern: str = "*") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob(pattern)):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
        if bootstrap is not None:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = (stat.S_IFREG | 0o755) << 16
            archive.writestr(entry, bootstrap)
    return content.getvalue()


def _allow_batches(role: dict[str, Any]) -> None:
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Action"] == "sqs:SendMessage":
                statement["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]


def _simplify(alarm: dict[str, Any]) -> None:
    first = next(one["MetricStat"] for one in alarm.pop("Metrics") if "MetricStat" in one)
    alarm.update(first["Metric"], Statistic=first["Stat"], Period=first["Period"])


def _create(emulator: Emulator, template: dict[str, Any], parameters: dict[str, str]) -> dict[str, str]:
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    cloudformation.get_waiter("stack_exists").wait(StackName=STACK)
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.1)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [event["ResourceStatusReason"] for event in events if "FAILED" in event["ResourceStatus"]]
        raise RuntimeError(f"the stack was not created: {stack['StackStatus']}: {reasons}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _set_what_was_dropped(emulator: Emulator, template: dict[str, Any], outputs: dict[str, str]) -> None:
    dynamodb, gateway = emulator.client("dynamodb"), emulator.client("apigateway")
    for logical_id, output in (("StateTable", "StateTableName"), ("IdempotencyTable", "IdempotencyTableName")):
        properties = template["Resources"][logical_id]["Properties"]
        dynamodb.update_continuous_backups(
            TableName=outputs[output],
            PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
        )
        if "TimeToLiveSpecification" in properties:
            dynamodb.update_time_to_live(
                TableName=outputs[output], TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )
    for kind, response in template["Resources"]["Api"]["Properties"]["GatewayResponses"].items():
        headers = response.get("ResponseParameters", {}).get("Headers", {})
        gateway.put_gateway_response(
            restApiId=outputs["ApiId"],
            responseType=kind,
            **({"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {}),
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            responseTemplates=response["ResponseTemplates"],
        )
    gateway.create_deployment(restApiId=outputs["ApiId"], stageName="live")
