"""MiniStack, the AWS emulator, as a process of ours: on loopback, roles enforced, gone when we are gone."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from local.paths import venv_python

REGION = "eu-west-1"
ACCOUNT_ID = "000000000000"
ROOT_KEY = "local-root"
_START_SECONDS, _END_SECONDS = 30, 5
_PR_SET_PDEATHSIG = 1


class Emulator:
    """Runs while in its context.

    Args:
        folder: its working files and its log; removed by whoever made it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "emulator.log"
        self._process: subprocess.Popen[bytes] | None = None

    def client(self, service: str) -> Any:
        """A boto3 client with the emulator's root key."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=150),
        )

    def workers(self) -> list[int]:
        """The processes that run the function now: they belong to the emulator's group."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                pid = int(entry.name)
                runs = b"awslambdaric" in (entry / "cmdline").read_bytes()
                if self._process and runs and os.getpgid(pid) == self._process.pid:
                    found.append(pid)
        return found

    def __enter__(self) -> Self:
        temporary = self._folder / "tmp"
        temporary.mkdir(parents=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,  # reaches the function, which would otherwise call AWS
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [venv_python("emulator").parent / "ministack"],
                env=environment,
                cwd=temporary,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  before any thread of ours
            )
        self._wait(self._process)
        return self

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):  # noqa: S310
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self._end()
        raise RuntimeError(f"the AWS emulator did not start:\n{self.log.read_text()[-2000:]}")

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Ends the emulator and the functions it started: they share its process group."""
        process, self._process = self._process, None
        if process is None:
            return
        for kill in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, kill)
                process.wait(_END_SECONDS)
            except ProcessLookupError:
                process.wait()
                return
            except subprocess.TimeoutExpired:
                continue


def _end_with_parent() -> None:
    """Asks Linux to end the process when its parent ends, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
