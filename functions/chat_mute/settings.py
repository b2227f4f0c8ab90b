"""What template.yaml tells the function through its environment."""

from collections.abc import Mapping
from typing import NamedTuple


class Settings(NamedTuple):
    """The function's settings; nothing here is secret.

    Attributes:
        secret_prefix: accounts' secrets are ``{secret_prefix}/{account}``.
        state_table: DynamoDB table of what the service remembers about accounts.
        idempotency_table: DynamoDB table of Powertools' idempotency records.
        schedule_dead_letters: URL of the queue for schedule payloads that can never succeed.
        account_queue: URL of the FIFO queue of accounts that need a look.
        allow_time_travel: whether a tick may be far ahead of the clock.
        stack: the stack's name, which its metrics are told apart by.
        release_only: whether nothing is muted any more and everything is let go of.
        ca_bundle: file or folder of the authorities that portals are verified by, instead of certifi's file.
        token_hosts: OAuth token servers besides Bitrix24's own; for a simulated one.
    """

    secret_prefix: str
    state_table: str
    idempotency_table: str
    schedule_dead_letters: str
    account_queue: str
    allow_time_travel: bool
    stack: str
    release_only: bool
    ca_bundle: str | None
    token_hosts: frozenset[str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads the variables template.yaml sets.

        Raises:
            KeyError: one is missing.
        """
        return cls(
            secret_prefix=environment["SECRET_PREFIX"],
            state_table=environment["STATE_TABLE"],
            idempotency_table=environment["IDEMPOTENCY_TABLE"],
            schedule_dead_letters=environment["SCHEDULE_DEAD_LETTERS"],
            account_queue=environment["ACCOUNT_QUEUE"],
            allow_time_travel=environment["ALLOW_TIME_TRAVEL"] == "true",
            stack=environment["STACK"],
            release_only=environment["MODE"] == "RELEASE_ONLY",
            ca_bundle=environment.get("REQUESTS_CA_BUNDLE"),
            token_hosts=frozenset(environment.get("TOKEN_HOSTS", "").split()),
        )
