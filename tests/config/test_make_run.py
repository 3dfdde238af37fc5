"""`make run`, with all its real processes."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.demo.kept import KeptDemo
from tests.processes import ROOT, end, environment, free_port, living, run, short_var, wait_until

pytestmark = pytest.mark.journey


@pytest.fixture
def var() -> Iterator[Path]:
    with short_var() as folder:
        yield folder
        assert wait_until(lambda: not living(folder), 15), f"left over: {living(folder)}"


def start(var: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "config.run", "--port", str(port)],
        cwd=ROOT,
        env=environment(var, BROADSHEET_OUTBOX_PORT=str(free_port())),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], *signs: str) -> str:
    """What it printed until each of the signs had been seen."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if all(sign in printed for sign in signs):
            return printed
    raise AssertionError(f"It ended before saying {signs}:\n{printed}")


READY = ("Listening at", "Acquired lock", "celery@", "The embedded broker answers", "The outbox takes mail")


def test_it_serves_an_empty_site_and_ctrl_c_ends_all_of_it(var: Path) -> None:
    port = free_port()
    process = start(var, port)
    printed = read_until(process, *READY)
    for address in (f"http://localhost:{port}/", f"http://localhost:{port}/outbox/"):
        assert address in printed
        with urllib.request.urlopen(address, timeout=20) as response:
            assert response.status == 200
    assert end(process, signal.SIGINT) == 0


def test_it_ends_with_its_owner_even_when_that_is_killed(var: Path) -> None:
    process = start(var, free_port())
    read_until(process, *READY)
    process.kill()
    process.wait()
    assert wait_until(lambda: not living(var), 10), f"left over: {living(var)}"
    process.communicate()


def test_one_death_ends_all(var: Path) -> None:
    process = start(var, free_port())
    printed = read_until(process, *READY)
    beat = next(line for line in printed.splitlines() if "beat started" in line)
    subprocess.run(["kill", "-KILL", beat.rpartition("pid=")[2].rstrip(")")], check=True)
    process.communicate(timeout=30)
    assert process.returncode == 1


def test_it_tells_the_demo_login(var: Path) -> None:
    KeptDemo("demo@example.org", "a-password", window_days=30).save(var)
    process = start(var, free_port())
    assert "demo@example.org, password a-password" in read_until(process, "Ctrl-C")
    assert end(process) == 0


@pytest.mark.parametrize("taken", ["site", "outbox"])
def test_a_taken_port_is_one_line_and_status_2(var: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        site, outbox = (port, free_port()) if taken == "site" else (free_port(), port)
        result = run("-m", "config.run", "--port", str(site), env=environment(var, BROADSHEET_OUTBOX_PORT=str(outbox)))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert f"Port {port} is taken" in result.stderr


def test_a_second_run_in_the_same_folder_is_refused(var: Path) -> None:
    process = start(var, free_port())
    read_until(process, "Ctrl-C")
    second = run("-m", "config.run", "--port", str(free_port()), env=environment(var))
    assert second.returncode == 2
    assert f"Broadsheet already runs in {var}" in second.stderr
    assert end(process) == 0
