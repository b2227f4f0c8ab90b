"""Runs a handler in this process, as it is measured: HANDLER, then events on standard input, a JSON list a line.

Each line is answered by ``{"wall_ns", "cpu_ns", "answers"}``; CPU is that of all threads. After init and each line,
comes `os.getloadavg`, which nobody else calls: there callgrind writes what it has counted.
"""

import importlib
import json
import os
import sys
import time
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Standard output is the handler's own, and goes nowhere; answers go to where it went before."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    os.getloadavg()
    for number, line in enumerate(sys.stdin):
        seen: dict[str, list[Any]] = {"wall_ns": [], "cpu_ns": [], "answers": []}
        for event in json.loads(line):
            context = SimpleNamespace(
                function_name="bench",
                memory_limit_in_mb=1024,
                invoked_function_arn="arn:aws:lambda:eu-west-1:000000000000:function:bench",
                aws_request_id=f"00000000-0000-4000-8000-{number:012}",
                get_remaining_time_in_millis=lambda: 120_000,
            )
            wall, cpu = time.perf_counter_ns(), time.process_time_ns()
            answer = handler(event, context)
            seen["cpu_ns"].append(time.process_time_ns() - cpu)
            seen["wall_ns"].append(time.perf_counter_ns() - wall)
            seen["answers"].append(answer)
        os.getloadavg()
        answers.write(json.dumps(seen) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
