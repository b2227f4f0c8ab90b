"""All public roots as a folder: nobody is trusted that certifi's file does not trust, and nobody is missing."""

from pathlib import Path

import certifi
import pytest
import trustme

import hashed_roots
from bitrix24 import Transport
from bitrix24.errors import PortalUnreachable
from local.build import read_template
from local.certificates import Authority
from local.portal import Portal, PortalServer

KNOWN = {"Amazon Root CA 1": "ce5e74ef", "DigiCert Global Root G2": "607986c7", "ISRG Root X1": "4042bcee"}
"""As they lie in /etc/ssl/certs of any Linux."""
END = "-----END CERTIFICATE-----\n"


def certificates(text: str) -> set[str]:
    """certifi's own, each of which has a label; what a machine has appended to the file has none."""
    return {part[part.index("-----BEGIN") :] + END for part in text.split(END)[:-1] if "# Label: " in part}


@pytest.fixture(scope="module")
def public_roots(folders: dict[str, Path]) -> Path:
    return folders["Bitrix24Layer"] / "public-roots"


def test_the_layer_has_certifis_roots_where_the_template_says(public_roots: Path, folders: dict[str, Path]) -> None:
    template = read_template()
    function = template["Resources"]["ChatMuteFunction"]["Properties"]  # type: ignore[index]
    assert function["Environment"]["Variables"]["REQUESTS_CA_BUNDLE"] == f"/opt/{public_roots.name}"
    shipped = (folders["Bitrix24Layer"] / "python" / "certifi" / "cacert.pem").read_text()
    assert {file.read_text() for file in public_roots.iterdir()} == certificates(shipped)
    assert len(certificates(shipped)) > 100


def test_names_are_openssls(public_roots: Path) -> None:
    parts = Path(certifi.where()).read_text().split(END)
    for name, known in KNOWN.items():
        (part,) = [one for one in parts if f'# Label: "{name}"' in one]
        assert (public_roots / f"{known}.0").read_text() in part + END


def test_two_roots_of_one_name_lie_beside_each_other(tmp_path: Path) -> None:
    one, other = (trustme.CA(organization_name="Twice", organization_unit_name="x") for _ in range(2))
    bundle = (one.cert_pem.bytes() + other.cert_pem.bytes()).decode()
    assert hashed_roots.write(bundle, tmp_path) == 2
    assert len({file.stem for file in tmp_path.iterdir()}) == 1
    assert {file.suffix for file in tmp_path.iterdir()} == {".0", ".1"}


def test_a_portal_is_verified_by_the_folder(public_roots: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    hashed_roots.write(authority.bundle.read_text(), tmp_path / "with-ours")
    with PortalServer(Portal(), authority.server_context()) as server:
        url = f"{server.url}/rest/1/x/server.time"
        assert Transport(str(tmp_path / "with-ours")).post(url, b"{}", lambda: 5.0).status == 401
        with pytest.raises(PortalUnreachable, match="not trusted"):
            Transport(str(public_roots)).post(url, b"{}", lambda: 5.0)


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Transport(str(tmp_path / "nowhere"))
