"""`make offboard STACK=... ACCOUNT=...`: lets go of an account's chats, then removes what is stored of it."""

import sys
from argparse import Namespace
from collections.abc import Sequence

from local.ops.command import Patience, parser, run, say
from local.ops.release_all import explain
from local.ops.stack import Deployed


def _work(stack: Deployed, arguments: Namespace) -> int:
    account, patience = arguments.account, Patience(arguments.minutes, arguments.poll)
    secret = f"{stack.parameters['SecretPrefix']}/{account}"
    shown = None
    while not (answer := stack.invoke({"offboard": account}))["done"]:
        if not answer["secret"] and answer["held"]:
            say(f"There is no secret {secret}, so {answer['held']:,} chats cannot be unmuted. Put it back and repeat")
            say("this, or end the records with `forget`: docs/operations.md, Holds that can never be released.")
            return 1
        if answer["held"] != shown:
            shown = answer["held"]
            say(f"still held: {shown:,} chats" if shown else "nothing is held any more")
        stack.tick()
        if not patience.wait():
            say("It is stuck; its secret must stay:")
            explain(stack, {name: held for name, held in stack.held().items() if name == account})
            return 1
    say(f"{account} holds nothing, and nothing is stored of it any more.")
    if answer["secret"]:
        say(f"Its secret may be deleted now: aws secretsmanager delete-secret --secret-id {secret}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1 while the account holds anything: then its secret must stay."""
    arguments = parser(str(__doc__))
    arguments.add_argument("account", metavar="ACCOUNT", help="its name")
    return run(_work, arguments.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
