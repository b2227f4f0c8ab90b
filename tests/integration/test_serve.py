"""`make serve` beside another one."""

import socket

import pytest

from local import serve


def test_the_second_one_names_the_port_that_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        monkeypatch.setattr(serve, "FRONT_PORT", 0)
        monkeypatch.setattr(serve, "CONSOLE_PORT", port)
        assert serve.main() == 1
    assert f"Port {port} is taken" in capsys.readouterr().err
    assert not serve.is_taken(port)
