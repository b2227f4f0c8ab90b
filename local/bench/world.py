"""What a measured function talks to, in a process of its own: DynamoDB, Secrets Manager and a portal, behind TLS.

All are our in-memory ones: an answer takes microseconds, and every call is seen. Arguments: a folder to write to, AWS's
roots as a file and all public ones as a folder. Says where it is and where the same roots are with a CA of its own
among them; then answers each line with the calls since the last one, and ends with its standard input.
"""

import json
import re
import shutil
import socket
import ssl
import sys
import threading
import zlib
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

import hashed_roots
from local.certificates import Authority
from local.inmemory import DynamoDB, Index, SecretsManager, Table
from local.portal import Limits, Portal, Request, dispatch
from local.virtual import ENVIRONMENT, IDEMPOTENCY, STATE

CHATS = range(1001, 1021)
ACCOUNTS = {"default": 1, "night": 2}
"""Each with a user of its own, who is in all chats."""
Call = tuple[str, str, Any]


class World:
    """The services, and a record of what they were asked."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.portal = Portal(limits=Limits(burst=10**9, per_second=10**9))
        for user in ACCOUNTS.values():
            self.portal.add_user(user)
            self.portal.add_webhook(user, _code(user))
        for number in CHATS:
            self.portal.add_chat(number, members=list(ACCOUNTS.values()))
        self.services: dict[str, Any] = {
            "DynamoDB_20120810": DynamoDB({
                STATE: Table({"pk": "S", "sk": "S"}, {"due": Index({"queue": "S", "due": "N"}, "KEYS_ONLY")}),
                IDEMPOTENCY: Table({"id": "S"}),
            }),
            "secretsmanager": SecretsManager(),
        }  # fmt: skip

    def add_accounts(self, portal_url: str) -> None:
        """Their secrets, with a rate that never makes anybody wait."""
        for account, user in ACCOUNTS.items():
            secret = {
                "webhook_url": f"{portal_url}/rest/{user}/{_code(user)}/",
                "rate": {"burst": 10_000, "per_second": 1_000},
            }
            name = f"{ENVIRONMENT['SECRET_PREFIX']}/{account}"
            self.services["secretsmanager"].create_secret(Name=name, SecretString=json.dumps(secret))

    def ask_aws(self, target: str, body: bytes) -> tuple[int, bytes]:
        """One call of AWS's JSON protocol."""
        prefix, operation = target.split(".")
        name, request = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower(), json.loads(body)
        self.calls.append(("dynamodb" if prefix.startswith("DynamoDB") else prefix, name, request))
        request = {key: value for key, value in request.items() if key != "ClientRequestToken"}  # boto3's own retries'
        try:
            status, answer = 200, getattr(self.services[prefix], name)(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status, answer = 400, {"__type": f"com.amazonaws#{code}", "message": error.response["Error"]["Message"]}
            answer |= {key: value for key, value in error.response.items() if key in {"Item", "CancellationReasons"}}
        return status, json.dumps(answer, default=datetime.timestamp).encode()

    def ask_portal(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """One call of a REST method."""
        self.calls.append(("portal", path, body.decode()))
        response = dispatch(self.portal, Request("POST", path, headers=headers, body=body))
        return response.status, response.body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    world: World
    tls: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shakes hands in the connection's own thread."""
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leaves clients that went away alone, and shows everything else."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment for each answer, or Nagle's algorithm would wait for the client
    server: _Server

    def do_POST(self) -> None:
        """Answers AWS's protocol or the portal's."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers["X-Amz-Target"]
        if target:
            status, answer = self.server.world.ask_aws(target, body)
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = self.server.world.ask_portal(self.path, headers, body)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0" if target else "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        if target:
            self.send_header("x-amzn-RequestId", "0" * 52)
            self.send_header("x-amz-crc32", str(zlib.crc32(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the overridden method's name
        """Says nothing."""


def main(folder: Path, amazon: Path, public: Path) -> int:
    """Serves until standard input ends."""
    world, authority = World(), Authority(folder)
    ports = []
    for _ in ("aws", "portal"):
        server = _Server(("127.0.0.1", 0), _Handler)
        server.world, server.tls = world, authority.server_context()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports.append(server.server_address[1])
    aws, portal = (f"https://127.0.0.1:{port}" for port in ports)
    _, begin, own = authority.bundle.read_text().rpartition("-----BEGIN")
    small, hashed = folder / amazon.name, folder / public.name
    small.write_text(amazon.read_text() + begin + own)
    shutil.copytree(public, hashed)
    hashed_roots.write(begin + own, hashed)
    world.add_accounts(portal)
    ready = {"aws": aws, "portal": portal, "bundle": authority.bundle, "amazon": small, "public": hashed}
    _say({name: str(value) for name, value in ready.items()})
    for _ in sys.stdin:
        calls, world.calls = world.calls, []
        _say(calls)
    return 0


def _code(user: int) -> str:
    return f"benchmark0code{user:02}"


def _say(line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
