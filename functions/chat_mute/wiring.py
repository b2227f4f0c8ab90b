"""Putting the parts together: once per process, on first use."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from bitrix24 import Client, Clock, Credentials, PortalLimits, Rate, Transport
from bitrix24.refresh import TOKEN_HOSTS
from chat_mute.account_check import AccountCheck
from chat_mute.account_store import AccountStore
from chat_mute.accounts import Accounts, Secrets
from chat_mute.api import Api
from chat_mute.idempotency import Idempotency
from chat_mute.muting import Muting
from chat_mute.observability import Telemetry
from chat_mute.queues import DeadLetters
from chat_mute.schedule import Schedule
from chat_mute.settings import Settings
from chat_mute.store import Store

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_DAY = 24 * 60 * 60
_AWS = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Service:
    """What the handler hands events to."""

    api: Api
    schedule: Schedule
    telemetry: Telemetry


def build(environment: Mapping[str, str], clock: Clock | None = None) -> Service:
    """The service, from its environment.

    Raises:
        KeyError: the environment lacks a variable that template.yaml sets.
    """
    clock = clock or Clock()
    settings = Settings.from_environment(environment)
    telemetry = Telemetry()
    session = boto3.session.Session()
    dynamodb = session.client("dynamodb", config=_AWS)
    secretsmanager = session.client("secretsmanager", config=_AWS)
    store = Store(dynamodb, settings.state_table)
    transport = Transport(settings.ca_bundle)

    secrets = Secrets(secretsmanager, settings.secret_prefix)
    limits: dict[tuple[str, Rate], PortalLimits] = {}  # a portal's bucket is one, however many accounts are on it

    def connect(account: str, credentials: Credentials, rate: Rate) -> Client:
        shared = limits.setdefault((credentials.portal, rate), PortalLimits(rate, clock))
        remembered = AccountStore(store, secrets, account)
        return Client(credentials, transport, remembered, clock, shared, TOKEN_HOSTS | settings.token_hosts)

    @cache
    def sqs() -> "SQSClient":
        return session.client("sqs", config=_AWS)

    def idempotency(namespace: str, seconds: int) -> Idempotency:
        return Idempotency(dynamodb, settings.idempotency_table, namespace, seconds)

    accounts = Accounts(secrets, connect)
    muting = Muting(accounts, telemetry)
    return Service(
        api=Api(muting, AccountCheck(accounts, telemetry), idempotency("api:v1", _DAY), telemetry, clock),
        schedule=Schedule(
            muting, idempotency("schedule:v1", 2 * _DAY), DeadLetters(sqs, settings.schedule_dead_letters), telemetry
        ),
        telemetry=telemetry,
    )
