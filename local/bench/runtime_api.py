"""AWS's own runtime client, awslambdaric, with a runtime API of ours before it: every moment of a cold start is seen.

The API is Lambda's: ``/next`` is asked when init has ended, ``/response`` brings a result.
"""

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.bench.variants import PYTHON, Place, Variant

_SECONDS = 60
_ROOT = "/2018-06-01/runtime/"


class Environment:
    """One execution environment; see `started`.

    Attributes:
        init_ms: from the process's start until it asked for the first event.
    """

    def __init__(self, server: "_Server", process: "subprocess.Popen[bytes]", init_ms: float) -> None:
        self._server = server
        self._process = process
        self.init_ms = init_ms

    def invoke(self, event: Any) -> tuple[float, Any]:
        """One invocation: milliseconds from handing over the event to its result, and the result.

        Raises:
            RuntimeError: the handler raised, or the process died.
        """
        began = time.perf_counter()
        self._server.events.put(json.dumps(event).encode())
        ended, path, result = self._server.said.get(timeout=_SECONDS)
        if not path.endswith("/response"):
            raise RuntimeError(f"{path}: {result.decode()}")
        self._server.said.get(timeout=_SECONDS)  # it asks for the next one
        return (ended - began) * 1000, json.loads(result)

    def memory_mb(self) -> tuple[float, float]:
        """What it holds now, and what it held at most."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


@contextlib.contextmanager
def started(variant: Variant, place: Place, cgroup: Path | None = None) -> Iterator[Environment]:
    """A new execution environment, after its init.

    Args:
        variant: the function.
        place: what it talks to.
        cgroup: where its process goes before anything else, for a share of a CPU.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    environment = place.environment(variant) | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}"}
    command = [str(PYTHON), "-m", "awslambdaric", variant.handler]
    if cgroup is not None:
        command = ["/bin/sh", "-c", f'echo $$ > {cgroup / "cgroup.procs"}; exec "$0" "$@"', *command]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd="/")  # noqa: S603
    try:
        asked, path, said = server.said.get(timeout=_SECONDS)
        if not path.endswith("/next"):
            raise RuntimeError(f"{path}: {said.decode()}")
        yield Environment(server, process, (asked - began) * 1000)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.said: queue.Queue[tuple[float, str, bytes]] = queue.Queue()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: the process is killed while it waits."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Hands over the next event."""
        self.server.said.put((time.perf_counter(), self.path, b""))
        event = self.server.events.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "5dc83454-7892-4a7c-8bd9-1f81129a8177")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:000000000000:function:bench")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 120_000))
        self.send_header("Content-Type", "application/json")  # without it, awslambdaric dies of a null pointer
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        """Takes a result, or an error."""
        at = time.perf_counter()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.said.put((at, self.path, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the overridden method's name
        """Says nothing."""
