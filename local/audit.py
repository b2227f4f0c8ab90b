"""pip-audit over pinned requirements; where its data cannot be reached that is said, and never taken for a pass."""

import re
import subprocess
import sys

from local.terminal import say


def main(requirements: list[str]) -> int:
    """Returns pip-audit's verdict, or 0 after saying that nothing was checked."""
    for file in requirements:
        audit = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes", "--requirement", file],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if audit.returncode == 0:
            say(f"pip-audit: nothing known against {file}")
        elif re.search("could not be audited|ConnectionError|SSLError", audit.stderr):
            say(f"skipped: pip-audit of {file}, its data cannot be reached from here")
        else:
            say(audit.stdout + audit.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
