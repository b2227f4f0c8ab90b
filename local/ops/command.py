"""What the commands share: how they speak, and how they end."""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from local.ops.stack import Deployed, Refused


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


def parser(description: str) -> ArgumentParser:
    """For commands about one stack; ``description`` begins with how `make` is asked for it, in back quotes."""
    usage = description.split("`")[1]
    arguments = ArgumentParser(prog=usage.partition(" STACK")[0], usage=usage, description=description)
    arguments.add_argument("stack", metavar="STACK", help="the stack's name")
    arguments.add_argument("--poll", type=float, default=5.0, help="seconds between two looks")
    arguments.add_argument("--minutes", type=float, default=30.0, help="how long to wait at most")
    return arguments


def run(work: Callable[[Deployed, Namespace], int], arguments: Namespace) -> int:
    """Does a command's work on its stack; what cannot be done is said, with exit status 1."""
    try:
        return work(Deployed(arguments.stack, arguments.poll), arguments)
    except NoRegionError:
        sys.stderr.write("No region: set AWS_DEFAULT_REGION to the stack's.\n")
        return 1
    except (Refused, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


class Patience:
    """How long a command waits.

    Args:
        minutes: at most.
        poll: seconds between two looks.
    """

    def __init__(self, minutes: float, poll: float) -> None:
        self._end = time.monotonic() + 60 * minutes
        self._poll = poll

    def wait(self) -> bool:
        """Waits a little; False if it has been long enough."""
        time.sleep(self._poll)
        return time.monotonic() < self._end
