"""The small CA bundle for AWS's endpoints: five roots, and nobody else's business."""

import ssl
from pathlib import Path
from typing import Any

import certifi
import pytest

from bitrix24 import Transport
from chat_mute.wiring import Aws, connect
from layers.runtime.amazon_roots import ROOTS, amazon_roots
from local.build import read_template


def common_names(bundle: Path | str) -> set[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    certificates: Any = context.get_ca_certs()
    subjects = [dict(pair for (pair,) in one["subject"]) for one in certificates]
    return {subject["commonName"] for subject in subjects if "commonName" in subject}


def test_the_layer_has_the_five_roots_where_the_template_says(folders: dict[str, Path]) -> None:
    template = read_template()
    function = template["Resources"]["ChatMuteFunction"]["Properties"]  # type: ignore[index]
    in_lambda = Path(function["Environment"]["Variables"]["AWS_CA_BUNDLE"])
    assert in_lambda.parent == Path("/opt"), "where Lambda puts layers"
    assert common_names(folders["RuntimeLayer"] / in_lambda.name) == ROOTS


def test_they_are_the_public_ones() -> None:
    """botocore's own copies and certifi's are the same certificates."""
    assert common_names(certifi.where()) >= ROOTS
    theirs = Path(certifi.where()).read_text()
    for pem in amazon_roots(theirs).split("-----END CERTIFICATE-----\n")[:-1]:
        assert pem in theirs


def test_a_bundle_that_lacks_one_fails_the_build() -> None:
    without = Path(certifi.where()).read_text()
    pem = amazon_roots(without).split("-----END CERTIFICATE-----\n")[0]
    with pytest.raises(LookupError, match="Amazon Root CA 1"):
        amazon_roots(without.replace(pem, ""))


def test_portals_are_not_verified_by_it(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """`AWS_CA_BUNDLE` is botocore's alone; a portal's certificate may come from anywhere."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(folders["RuntimeLayer"] / "amazon-roots.pem"))
    context = Transport()._adapter._context
    assert len(context.get_ca_certs()) > 100


def test_a_bundle_for_portals_does_not_reach_aws(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one of its own, botocore would take requests'; local/ gives portals a CA of its own."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/portals.pem")
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    assert verified_by(connect()) == {"/nowhere/portals.pem"}
    monkeypatch.setenv("AWS_CA_BUNDLE", str(folders["RuntimeLayer"] / "amazon-roots.pem"))
    assert verified_by(connect()) == {str(folders["RuntimeLayer"] / "amazon-roots.pem")}


def verified_by(aws: Aws) -> set[str]:
    clients: list[Any] = [aws.dynamodb, aws.secretsmanager(), aws.sqs()]
    return {client._endpoint.http_session._verify for client in clients}
