"""Fuzzes the API: ``python -m tests.fuzz [--cases N] [--seed N]``, in this process; with ``--url``, one that runs.

Half of the cases are made from the contract by schemathesis, right and wrong ones, for each operation its share, and
each answer is also checked by schemathesis. The other half are wild requests, a few after one another on the same
accounts. In this process a part of each meets a portal in trouble.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from requests import Request
from schemathesis import Case, Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.paths import BUILD
from tests.fuzz import cases
from tests.fuzz.gateway import Sent, route
from tests.fuzz.remote import Remote
from tests.fuzz.town import FAULTS, Broken, Told, Town, methods_at

CASES = 20_000
_CHECKS = [status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]
_BEYOND = re.compile(
    r"in the future|at most 366 days|longer than nothing|a time like|a positive integer|chatNNN|IANA name"
    r"|only beside dates|differ from start|a date like|^from: |The portal|can't be empty"
)
"""What is refused though no schema says so: times, ids over 2^63-1 or written as 1.0, zones, days that are none; and
what the portal refuses."""
_FEW = {"health": 1, "contract": 20}  # which have next to nothing to vary, and a long answer
_TROUBLE = st.lists(st.sampled_from(range(len(FAULTS))), min_size=1, max_size=3)
_WEATHER: st.SearchStrategy[list[int]] = st.one_of(st.just([]), _TROUBLE)


class Run:
    """What was tried and answered.

    Args:
        remote: a stack that runs; None for a new one in this process for each case.
    """

    def __init__(self, remote: Remote | None = None) -> None:
        self._remote = remote
        self.statuses: Counter[int] = Counter()
        self.codes: Counter[str] = Counter()

    def place(self, weather: list[int]) -> Town | Remote:
        """Where a case is tried."""
        return self._remote or _town(weather)

    def tell(self, place: Town | Remote, sent: Sent) -> Told | None:
        """Sends one request and counts what came."""
        told = place.tell(sent)
        if told is not None:
            self.statuses[told.status] += 1
            if told.status >= 400:
                self.codes[f"{told.status} {told.body['error']}"] += 1
        return told


def fuzz(run: Run, total: int, number: int) -> None:
    """Runs the cases; raises at the first one that breaks the contract, made as small as it gets."""
    share = -(-total // 2 // len(cases.OPERATIONS))
    for operation in cases.OPERATIONS:
        _some(min(share, _FEW.get(operation, share)), number, case=cases.by_contract(operation), weather=_WEATHER)(
            _one(run, operation)
        )
    while (left := total - run.statuses.total()) > 0:
        _some(-(-left // 4), number + left, sent=st.lists(cases.wild(), min_size=2, max_size=6), weather=_WEATHER)(
            _several(run)
        )


def _one(run: Run, operation: str) -> Callable[..., None]:
    def test(case: tuple[Case, bool], weather: list[int]) -> None:
        made, is_allowed = case
        place = run.place(weather)
        sent = cases.sent(made)
        told = run.tell(place, sent)
        if told is not None and _is_about(sent, operation):
            if is_allowed and told.status in {400, 422} and not _BEYOND.search(told.body["error_description"]):
                raise Broken(f"{sent}\n{told}\nrefused, though the schemas allow it")
            request = Request(sent.method, cases.BASE + sent.target).prepare()
            headers = {name: [value] for name, value in told.headers.items()}
            made.validate_response(Response(told.status, headers, told.text.encode(), request, 0, verify=True), _CHECKS)

    return test


def _is_about(sent: Sent, operation: str) -> bool:
    """Whether it leads to the operation it was made for; an account that is called ``health`` does not."""
    to = route(sent)
    found = methods_at(to).get(sent.method) if to else None
    return found is not None and found.id == operation


def _several(run: Run) -> Callable[..., None]:
    def test(sent: list[Sent], weather: list[int]) -> None:
        place = run.place(weather)
        for one in sent:
            run.tell(place, one)

    return test


def _town(weather: list[int]) -> Town:
    town = Town()
    for number in weather:
        in_batch = FAULTS[number].command is not None and number % 2 == 0
        town.portal.faults.add(FAULTS[number], times=8, in_batch=in_batch)
    return town


def _some(count: int, number: int, **strategies: Any) -> Callable[[Callable[..., None]], None]:
    def decorate(test: Callable[..., None]) -> None:
        settings(
            max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink], print_blob=False,
        )(seed(number)(given(**strategies)(test)))()  # fmt: skip

    return decorate


def main() -> None:
    """Parses the command line, runs, and writes what came to build/fuzz.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--out", type=Path, default=BUILD / "fuzz.json")
    parser.add_argument("--url")
    parser.add_argument("--ca")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    began = time.monotonic()
    remote = Remote(chosen.url, chosen.ca) if chosen.url else None
    run = Run(remote)
    fuzz(run, chosen.cases, chosen.seed)
    if remote and remote.refused > chosen.cases / 10:
        sys.exit(f"{remote.refused} signatures were not taken: hardly anything was tried")
    seconds = round(time.monotonic() - began, 1)
    result = {"seed": chosen.seed, "cases": run.statuses.total(), "seconds": seconds,
              "statuses": {str(status): count for status, count in run.statuses.most_common()},
              "codes": dict(run.codes.most_common())}  # fmt: skip
    chosen.out.parent.mkdir(exist_ok=True)
    chosen.out.write_text(json.dumps(result, indent=1))
    json.dump(result, sys.stdout, indent=1)
    print(f"\n{result['cases']:,} cases in {seconds} s: no fault of our own, no answer outside the contract")


if __name__ == "__main__":
    main()
