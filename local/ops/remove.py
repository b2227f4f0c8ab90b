"""`make remove STACK=... CONFIRM=...`: lets go of everything, and only then deletes the stack."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from local.ops.command import Patience, parser, run, say
from local.ops.release_all import add_settle, explain, release_all
from local.ops.stack import Deployed


def _work(stack: Deployed, arguments: Namespace) -> int:
    if arguments.confirm != stack.name:
        say(f"This deletes the stack for good. To confirm, repeat its name: CONFIRM={stack.name}")
        return 1
    left = release_all(stack, Patience(arguments.minutes, arguments.poll), arguments.settle)
    if left:
        say("Not removed: without the stack nobody would unmute these.")
        explain(stack, left)
        return 1
    say("Nothing is held. Deleting the stack ...")
    secrets = stack.secrets()
    stack.delete()
    table = stack.outputs["StateTableName"]
    if arguments.table == "delete":
        stack.delete_state_table()
        say(f"Deleted, with its state table {table}.")
    else:
        say(f"Deleted. Its state table {table} is retained with the policies in it, protected as it was.")
        say("TABLE=delete would have deleted it too, and so do:")
        say(f"  aws dynamodb update-table --table-name {table} --no-deletion-protection-enabled")
        say(f"  aws dynamodb delete-table --table-name {table}")
    if secrets:
        say(f"Secrets are yours, and are still there: {', '.join(secrets[:20])}{' ...' if len(secrets) > 20 else ''}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1, and the stack is still there, if it was not confirmed or anything is still held."""
    arguments = parser(str(__doc__))
    add_settle(arguments)
    arguments.add_argument("--confirm", default="", help="the stack's name once more")
    arguments.add_argument("--table", choices=["keep", "delete"], default="keep", help="the state table")
    return run(_work, arguments.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
