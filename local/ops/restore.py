"""`make restore STACK=... FROM=...`: copies a table restored from a backup into the stack's state table."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from local.ops.command import parser, run, say
from local.ops.stack import Deployed, Refused


def _work(stack: Deployed, arguments: Namespace) -> int:
    if stack.parameters["TickState"] != "DISABLED":
        raise Refused("Deploy with TickState=DISABLED first, so that no look writes while this does.")
    copied, kept = stack.copy_state(arguments.source, replace=arguments.replace)
    say(f"{copied:,} items copied from {arguments.source}, {kept:,} left as they were.")
    say("Deploy with TickState=ENABLED: what is due is looked at, and finds out what is true now.")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1 if nothing was copied because ticks are on, or the table is not there."""
    arguments = parser(str(__doc__))
    arguments.add_argument("source", metavar="FROM", help="the restored table")
    arguments.add_argument("--replace", action="store_true", help="also items that the state table has")
    return run(_work, arguments.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
