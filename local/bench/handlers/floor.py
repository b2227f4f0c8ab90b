"""The floor of a warm call: makes the boto3 calls and the requests it is told to make, and nothing else."""

import os
from typing import Any

import boto3
import requests
from botocore.exceptions import ClientError

session = boto3.session.Session()
clients: dict[str, Any] = {name: session.client(name) for name in ("dynamodb", "secretsmanager")}
portal = requests.Session()
JSON = {"Content-Type": "application/json"}


def lambda_handler(event: list[tuple[str, str, Any]], context: Any) -> None:  # noqa: ARG001  what Lambda hands over
    """Makes the calls one after the other."""
    for service, what, request in event:
        if service == "portal":
            portal.post(os.environ["PORTAL"] + what, data=request, headers=JSON, timeout=25).json()
        else:
            try:
                getattr(clients[service], what)(**request)
            except ClientError:
                continue
