"""`make prove`."""

import argparse
import json
import os
import secrets
import sys
import time
from pathlib import Path

from local.paths import BUILD, ROOT
from local.prove.campaign import Found, run, seed_of, shrunk
from local.prove.patch import PatchRefused, run_patched
from local.terminal import paint

_SAID = 10.0
"""Seconds between two lines."""


def main(arguments: list[str] | None = None) -> int:
    """Runs a campaign, one episode, or a campaign on patched code. 1: it found something."""
    asked = _parser().parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != "0":  # so that a seed means the same everywhere
        os.execve(sys.executable, [sys.executable, "-m", "local.prove", *sys.argv[1:]],  # noqa: S606
                  {**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "INFO")
    if asked.patch:
        more = [
            f"--seed={asked.seed}",
            f"--seconds={asked.seconds}",
            *(["--workers", str(asked.workers)] if asked.workers else []),
        ]
        try:
            return run_patched(Path(asked.patch), more)
        except PatchRefused as refused:
            print(refused)
            return 2
    if asked.episode is not None:
        return _replay(asked.seed, asked.episode)
    return _campaign(asked)


def _campaign(asked: argparse.Namespace) -> int:
    began = last = time.monotonic()
    known = 0

    def tell(found: Found) -> None:
        nonlocal last, known
        for violation in found.violations[known:]:
            _say(paint(f"episode {violation['episode']}: {violation['what']}", "red"))
            _say(f"  again: make prove SEED={asked.seed} EPISODE={violation['episode']}")
        known = len(found.violations)
        if time.monotonic() - last > _SAID:
            last = time.monotonic()
            _say(f"{last - began:4.0f} s  {_line(found)}")

    _say(f"seed {asked.seed}, {asked.seconds:.0f} s, {_where()}")
    found = run(
        asked.seed, asked.seconds, most=asked.episodes, until_found=asked.until_found, workers=asked.workers, tell=tell
    )
    _say(f"{time.monotonic() - began:4.0f} s  {_line(found)}")
    BUILD.mkdir(exist_ok=True)
    (BUILD / "prove.json").write_text(json.dumps(found.document(), indent=2) + "\n")
    _say(paint("found", "red") if found.violations else paint("0 violations", "green"))
    return 1 if found.violations else 0


def _replay(seed: int, episode: int) -> int:
    steps, outcome = shrunk(seed, episode)
    for line in outcome.trace:
        _say(line)
    _say(f"episode {episode} of seed {seed} ({seed_of(seed, episode)}): {outcome.violation or 'no violation'}")
    if outcome.violation:
        _say("steps that are needed: " + ", ".join(f"{step.kind}" for step in steps))
    return 1 if outcome.violation else 0


def _line(found: Found) -> str:
    played = f"{found.episodes} episodes, {found.days:,.0f} days, {found.steps:,} steps"
    judged = f"{found.settled:,} chats judged at rest, {len(found.violations)} violations"
    return f"{played}, {found.faults.total():,} faults, {judged}"


def _where() -> str:
    import chat_mute  # noqa: PLC0415  after PYTHONPATH has been read: whose code it is

    folder = Path(str(chat_mute.__file__)).parent
    return "the code as it is" if folder.is_relative_to(ROOT) else f"a patched copy of the code in {folder}"


def _say(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local.prove", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--episode", type=int, help="play one episode of the seed, and shrink it")
    parser.add_argument("--episodes", type=int, help="at most so many")
    parser.add_argument("--workers", type=int, help="processes; as many as there are cores")
    parser.add_argument("--until-found", action="store_true", help="stop at the first violation")
    parser.add_argument("--patch", help="a unified diff to play on")
    return parser


if __name__ == "__main__":
    sys.exit(main())
