"""Keeping secrets out of texts: a webhook's URL *is* the password, and HTTP libraries put URLs into their messages."""

import logging
import re
from collections.abc import Iterable

_WEBHOOK_PATH = re.compile(r"(/rest/\d+/)[^/\\\s\"'?&#<>]+", re.IGNORECASE)
_TOKEN = re.compile(
    r"""(\b(?:access_token|refresh_token|client_secret|auth)\\*["']\s*:\s*b?\\*["']"""
    r"""|\b(?:access_token|refresh_token|client_secret)=)[^"'\\&\s,}]+"""
)
_AWS_TOKEN = re.compile(r"""(x-amz-security-token["']?\s*:\s*b?["']?)[^"'\s,}]+""", re.IGNORECASE)
_SECRET_STRING = re.compile(
    r"""(SecretString\\*["']\s*:\s*\\*["'])(?:\\+.|[^"'\\])*"""
)  # Secrets Manager's own envelope
_TAG = re.compile(r"<[^<>]*>")
_NESTED_TAGS = 8
_BLANK = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
DESCRIPTION_LENGTH = 300


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` with each of ``secrets``, and all that looks like a webhook's code or a token, replaced by ``***``."""
    for secret in secrets:
        text = text.replace(secret, "***")
    for pattern in (_WEBHOOK_PATH, _TOKEN, _SECRET_STRING, _AWS_TOKEN):
        text = pattern.sub(r"\1***", text)
    return text


def describe(description: object, secrets: Iterable[str] = ()) -> str:
    """A portal's ``error_description``, fit to be shown: no secrets, no tags, one line, at most 300 characters.

    Secrets are taken out before the tags and after them, because a tag may stand in the middle of a secret.
    """
    if not isinstance(description, str):
        return ""
    secrets = tuple(secrets)
    text = redact(description, secrets)
    for _ in range(_NESTED_TAGS):
        text = _TAG.sub("", text)
    if _TAG.search(text):
        text = text.replace("<", "").replace(">", "")
    text = _CONTROL.sub("", _BLANK.sub(" ", text)).strip()
    text = redact(text, secrets).encode("utf-8", "replace").decode("utf-8")
    return text[:DESCRIPTION_LENGTH]


class RedactingFilter(logging.Filter):
    """Takes webhook codes out of a logger's own records; urllib3 logs each request's path at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites the record in place and lets it pass."""
        record.msg, record.args = redact(record.getMessage()), ()
        return True
