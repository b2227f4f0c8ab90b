"""Where things are, from the project's root."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
EVENTS = ROOT / "events"
TEMPLATE = ROOT / "template.yaml"


def venv_python(name: str) -> Path:
    """The interpreter of ``.venvs/NAME``.

    Raises:
        FileNotFoundError: it is not set up; the message says how to.
    """
    python = ROOT / ".venvs" / name / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f".venvs/{name} is not there; `make setup` makes it")
    return python
