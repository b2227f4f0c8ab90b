"""What is deployed of a function, in megabytes: Lambda unpacks it at a cold start."""

import io
import zipfile
from typing import NamedTuple

from local.bench.variants import Variant

_OF_THE_ENVIRONMENT = ("pip", "pip-")
"""What a virtual environment has besides the packages."""


class Size(NamedTuple):
    """Megabytes."""

    unpacked: float
    zipped: float


def size(variant: Variant) -> Size:
    """Of all that is deployed with a function."""
    files = [
        file
        for folder in variant.packages
        for file in folder.rglob("*")
        if file.is_file() and not file.relative_to(folder).parts[0].startswith(_OF_THE_ENVIRONMENT)
    ]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(files):
            archive.write(file, f"{number}{file.suffix}")
    return Size(sum(file.stat().st_size for file in files) / 1e6, len(content.getvalue()) / 1e6)
