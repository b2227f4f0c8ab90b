"""`make deploy`: the preflight check, then `sam build`, then `sam deploy`."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.ops.command import say
from local.ops.configuration import Configuration, Unreadable
from local.ops.preflight import preflight
from local.paths import ROOT


def deploy(sam: Path, configuration: Configuration, *, guided: bool) -> int:
    """Ends with the status of what failed first; nothing is built where the preflight check finds a fault."""
    if not preflight(configuration):
        say("Nothing has been deployed.")
        return 1
    named = [] if configuration.name == "default" else ["--config-env", configuration.name]
    for command in (["build", *named], ["deploy", *named, *_how(configuration.overrides, guided=guided)]):
        done = subprocess.run([sam, *command], cwd=ROOT, check=False, env={"SAM_CLI_TELEMETRY": "0", **os.environ})  # noqa: S603
        if done.returncode:
            return done.returncode
    return 0


def _how(overrides: Mapping[str, str], *, guided: bool) -> list[str]:
    """All overrides, for sam takes those of the command line in place of the file's, not beside them.

    In quotation marks, without which sam cuts a value at its first space, and refuses an empty one.
    """
    given = [f'{name}="{value}"' for name, value in overrides.items()]
    return [*(["--guided"] if guided else []), *(["--parameter-overrides", *given] if given else [])]


def main(argv: Sequence[str] | None = None) -> int:
    """Without ``--config``, sam asks for everything."""
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("--sam", type=Path, required=True, help="the SAM CLI")
    arguments.add_argument("--config", help="an environment of samconfig.toml")
    arguments.add_argument("parameters", nargs="*", help="NAME=VALUE, instead of what the file says")
    given = arguments.parse_args(argv)
    try:
        configuration = Configuration.read(given.config or "default", given.parameters)
    except Unreadable as error:
        say(f"  no  {error}")
        return 1
    return deploy(given.sam.absolute(), configuration, guided=given.config is None)


if __name__ == "__main__":
    sys.exit(main())
