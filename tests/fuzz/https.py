"""Fuzzes the API through HTTPS on the local stack: ``python -m tests.fuzz.https [--cases N] [--seed N]``."""

import os
import subprocess
import sys

from local.emulator import REGION
from local.paths import ROOT, venv_python
from local.portal import Portal
from local.stack import running
from tests.unit.contract.document import operations
from tests.unit.contract.world import ANN

BEN = 547


def main() -> None:
    """Starts a stack, lets the environment ``fuzz`` at it, and ends with its outcome."""
    portal = Portal()
    for user in (ANN, BEN):
        portal.add_user(user)
        portal.add_webhook(user)
    portal.add_chat(1489, members=[ANN, BEN], title="Deal 1489")
    portal.add_workgroup(7, 99, members=[ANN])
    portal.add_private(ANN, BEN, 50)
    with running(portal) as stack:
        stack.put_account("default", {"webhook_url": stack.server.webhook_url(ANN)})
        stack.put_account("team-b", {"webhook_url": stack.server.webhook_url(BEN)})
        caller = stack.credentials("fuzzer")
        stack.caller_with(caller).call("PUT", "/default/quiet-hours/night", operations()["putPolicy"].requests["night"])
        environment = {
            **os.environ,
            "PYTHONPATH": "functions:layers/bitrix24",
            "AWS_ACCESS_KEY_ID": caller.access_key,
            "AWS_SECRET_ACCESS_KEY": caller.secret_key,
            "AWS_REGION": REGION,
        }
        command = [str(venv_python("fuzz")), "-m", "tests.fuzz", "--url", stack.url, "--ca", str(stack.ca_bundle)]
        done = subprocess.run([*command, *sys.argv[1:]], cwd=ROOT, env=environment, check=False)
        mine = [line for line in stack.log_lines() if '"level": "ERROR"' in line or '"level":"ERROR"' in line]
    if mine:
        print(f"errors in the function's log: {mine[0]}")
    sys.exit(done.returncode or bool(mine))


if __name__ == "__main__":
    main()
