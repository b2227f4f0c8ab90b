"""The oracles read the pinned tzdata package too, not the machine's zone files."""

import zoneinfo
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def pinned_zones() -> Iterator[None]:
    former = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=former)
    zoneinfo.ZoneInfo.clear_cache()
