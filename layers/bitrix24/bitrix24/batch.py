"""`batch`: up to 50 commands in one request, and an outcome for each.

The request counts once against the portal's limit. The answer is always HTTP 200 and tells per command; PHP turns its
maps into lists or ``[]`` as it likes, a value may be ``null``, and a command may be missing from all of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from bitrix24.answer import Answer, Refusal, read_refusal, read_time
from bitrix24.errors import Bitrix24Error, NotExecuted, UnexpectedAnswer

SIZE = 50


@dataclass(frozen=True)
class Command:
    """One method with its parameters; values are texts or numbers."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """As `batch` wants it in a JSON body: values encoded once."""
        return f"{self.method}?{'&'.join(f'{name}={_encoded(value)}' for name, value in self.params.items())}"


def _encoded(value: Any) -> str:
    return str(value) if isinstance(value, int) else quote_plus(str(value))


def request(commands: Mapping[str, Command]) -> dict[str, Any]:
    """The parameters of `batch`; no failure stops it: ``halt`` is a number, because PHP takes ``"false"`` for true."""
    return {"halt": 0, "cmd": {key: str(command) for key, command in commands.items()}}


def read_batch(
    result: Any, keys: Collection[str], secrets: Collection[str]
) -> dict[str, Answer | Refusal | Bitrix24Error]:
    """What became of each of ``keys``; `NotExecuted` where the answer does not say."""
    result = result if isinstance(result, dict) else {}
    results, refusals, times = (_map(result.get(name)) for name in ("result", "result_error", "result_time"))
    outcomes: dict[str, Answer | Refusal | Bitrix24Error] = {}
    for key in keys:
        if key in refusals:
            outcomes[key] = _refusal(refusals[key], secrets)
        elif key in results:
            outcomes[key] = Answer(results[key], _operating(times.get(key)))
        else:
            outcomes[key] = NotExecuted()
    return outcomes


def _refusal(said: Any, secrets: Collection[str]) -> Refusal | UnexpectedAnswer:
    try:
        refusal = read_refusal(said if isinstance(said, dict) else {"error": said}, 200, secrets)
    except UnexpectedAnswer as error:
        return error
    return refusal or UnexpectedAnswer("The portal answered with an error that is no error code.")


def _operating(time: Any) -> dict[str, int | float | str] | None:
    """Of a command's timing, all that anybody asks for; reading the rest would cost as much as all else."""
    reset_at = time.get("operating_reset_at") if isinstance(time, dict) else None
    return read_time({"operating_reset_at": reset_at}, ()) if isinstance(reset_at, int | float) else None


def _map(value: Any) -> dict[str, Any]:
    """PHP's array as a map: ``[]`` is an empty one, a list has the keys 0, 1, 2 ..."""
    if isinstance(value, list):
        return {str(index): one for index, one in enumerate(value)}
    return value if isinstance(value, dict) else {}
