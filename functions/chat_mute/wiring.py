"""Putting the parts together: once per process, on first use."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import boto3
from botocore.config import Config

from bitrix24 import Client, Clock, Credentials, PortalLimits, Rate, Transport
from bitrix24.refresh import TOKEN_HOSTS
from chat_mute.account_check import AccountCheck
from chat_mute.account_store import AccountStore
from chat_mute.accounts import Accounts, Secrets
from chat_mute.api import Api, UseCases
from chat_mute.holding import Holding
from chat_mute.idempotency import Idempotency
from chat_mute.jobs import Jobs
from chat_mute.muting import Muting
from chat_mute.observability import Telemetry
from chat_mute.offboarding import Offboarding
from chat_mute.operator import Operator
from chat_mute.parallel import THREADS
from chat_mute.policies import Policies
from chat_mute.preview import Preview
from chat_mute.queues import AccountQueue, DeadLetters
from chat_mute.reconcile import Reconcile
from chat_mute.releasing import Releasing
from chat_mute.roster import Roster
from chat_mute.schedule import Schedule
from chat_mute.settings import Settings
from chat_mute.store import Store
from chat_mute.table import Table
from chat_mute.tick import Tick
from chat_mute.worker import Worker

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

_DAY = 24 * 60 * 60
_AWS = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


class Service(NamedTuple):
    """What the handler hands events to."""

    api: Api
    schedule: Schedule
    tick: Tick
    worker: Worker
    operator: Operator
    telemetry: Telemetry


class Aws(NamedTuple):
    """Clients of AWS; those that not every trigger needs are made on first use."""

    dynamodb: "DynamoDBClient"
    secretsmanager: "Callable[[], SecretsManagerClient]"
    sqs: "Callable[[], SQSClient]"


def connect() -> Aws:
    """Real clients, in one session: a second one costs a quarter of a cold start."""
    session = boto3.session.Session()

    @cache
    def secretsmanager() -> "SecretsManagerClient":
        return session.client("secretsmanager", config=_AWS)

    @cache
    def sqs() -> "SQSClient":
        return session.client("sqs", config=_AWS)

    return Aws(session.client("dynamodb", config=_AWS), secretsmanager, sqs)


def build(
    environment: Mapping[str, str],
    aws: Aws | None = None,
    transport: Transport | None = None,
    clock: Clock | None = None,
    threads: int = THREADS,
) -> Service:
    """The service, from its environment.

    Args:
        environment: what template.yaml sets.
        aws: other clients than AWS's own.
        transport: another way to portals than the network.
        clock: another time than the machine's.
        threads: how many records a look writes at once.

    Raises:
        KeyError: the environment lacks a variable that template.yaml sets.
    """
    settings = Settings.from_environment(environment)
    aws, clock, transport = aws or connect(), clock or Clock(), transport or Transport(settings.ca_bundle)
    telemetry = Telemetry(settings.stack)
    table = Table(aws.dynamodb, settings.state_table, clock)
    store, roster = Store(table), Roster(table)
    secrets = Secrets(aws.secretsmanager, settings.secret_prefix)
    remember = partial(AccountStore, store, table, secrets)
    accounts = Accounts(secrets, _connector(remember, transport, clock, TOKEN_HOSTS | settings.token_hosts))
    release_only = settings.release_only
    muting = Muting(accounts, store, telemetry, release_only=release_only)
    holding = Holding(accounts, store, telemetry)
    account_check = AccountCheck(accounts, telemetry)
    use_cases = UseCases(
        muting=muting,
        policies=Policies(accounts, store, telemetry),
        preview=Preview(accounts),
        holding=holding,
        jobs=Jobs(accounts, store, telemetry, release_only=release_only),
        account_check=account_check,
    )
    api_once = Idempotency(aws.dynamodb, settings.idempotency_table, "api:v1", _DAY)
    schedule_once = Idempotency(aws.dynamodb, settings.idempotency_table, "schedule:v1", 2 * _DAY)
    dead_letters = DeadLetters(aws.sqs, settings.schedule_dead_letters)
    queue = AccountQueue(aws.sqs, settings.account_queue)
    return Service(
        api=Api(use_cases, api_once, telemetry, clock),
        schedule=Schedule(muting, schedule_once, dead_letters, telemetry, clock),
        tick=Tick(store, queue, telemetry, clock, allow_time_travel=settings.allow_time_travel),
        worker=Worker(Reconcile(accounts, store, telemetry, threads, release_only=release_only), telemetry, clock),
        operator=Operator(
            telemetry,
            clock,
            holding=holding,
            releasing=Releasing(roster, store, telemetry, release_only=release_only),
            offboarding=Offboarding(accounts, store, roster, telemetry),
            account_check=account_check,
        ),
        telemetry=telemetry,
    )


def _connector(
    remember: Callable[[str], AccountStore], transport: Transport, clock: Clock, token_hosts: frozenset[str]
) -> Callable[[str, Credentials, Rate], Client]:
    """Makes accounts' clients. A portal's bucket is one, however many accounts are on it."""
    limits: dict[tuple[str, Rate], PortalLimits] = {}

    def client(account: str, credentials: Credentials, rate: Rate) -> Client:
        shared = limits.setdefault((credentials.portal, rate), PortalLimits(rate, clock))
        return Client(credentials, transport, remember(account), clock, shared, token_hosts)

    return client
