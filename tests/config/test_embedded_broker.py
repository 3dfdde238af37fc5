"""The embedded broker, with the real server."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from config.embedded import EmbeddedError
from config.embedded.valkey import answers, embedded_broker
from tests.processes import ROOT, end, environment, short_var, wait_until


@pytest.fixture
def var() -> Iterator[Path]:
    with short_var() as folder:
        yield folder


def client(socket: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(socket), decode_responses=True)


def starting_holder(var: Path, temporary: Path | None = None) -> subprocess.Popen[str]:
    """`python -m config.embedded.valkey`; what it would put into the temporary directory goes into var too."""
    return subprocess.Popen(
        [sys.executable, "-m", "config.embedded.valkey"],
        cwd=ROOT,
        env=environment(var, TMPDIR=str(temporary or var)),
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_it_holds(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().startswith("The embedded broker answers on")


def holder(var: Path, temporary: Path | None = None) -> subprocess.Popen[str]:
    process = starting_holder(var, temporary)
    wait_until_it_holds(process)
    return process


def test_the_broker_answers_while_it_is_held_and_is_gone_after(var: Path) -> None:
    socket = var / "broker" / "broker.sock"
    with embedded_broker(socket):
        assert client(socket).ping()
    assert not answers(socket)


def test_what_was_queued_is_there_after_a_restart(var: Path) -> None:
    socket = var / "broker" / "broker.sock"
    with embedded_broker(socket):
        client(socket).rpush("celery", "a task")
    with embedded_broker(socket):
        assert client(socket).lrange("celery", 0, -1) == ["a task"]


def test_what_was_queued_survives_the_kill_of_the_owner(var: Path) -> None:
    socket = var / "broker" / "broker.sock"
    owner = holder(var)
    client(socket).rpush("celery", "a task")
    end(owner, signal.SIGKILL)
    with embedded_broker(socket):
        assert client(socket).lrange("celery", 0, -1) == ["a task"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_server_ends_with_its_owner(var: Path, number: signal.Signals) -> None:
    socket = var / "broker" / "broker.sock"
    owner = holder(var)
    server = int(client(socket).info("server")["process_id"])
    assert end(owner, number) == (-number if number == signal.SIGKILL else 0)
    assert wait_until(lambda: not is_running(server)), "the server outlived its owner"


def is_running(pid: int) -> bool:
    """Neither gone nor a zombie that nobody reaps."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_second_start_shares_the_living_server(var: Path) -> None:
    socket = var / "broker" / "broker.sock"
    with embedded_broker(socket):
        first = client(socket).info("server")["process_id"]
        with embedded_broker(socket):
            assert client(socket).info("server")["process_id"] == first
        assert answers(socket), "who shared the server ended it"


def test_a_sharer_ends_when_the_owner_does(var: Path) -> None:
    with embedded_broker(var / "broker" / "broker.sock"):
        sharer = holder(var)
    assert sharer.wait(10) == 1
    sharer.communicate()


def test_two_starts_at_once_make_one_server(var: Path) -> None:
    holders = [starting_holder(var) for _ in range(3)]
    for process in holders:
        wait_until_it_holds(process)
    log = (var / "broker" / "valkey.log").read_text()
    assert log.count("Ready to accept connections") == 1
    for process in holders:
        process.terminate()
    for process in holders:
        process.communicate(timeout=10)


def test_a_socket_left_behind_is_no_hindrance(var: Path) -> None:
    socket = var / "broker" / "broker.sock"
    socket.parent.mkdir(parents=True)
    socket.write_text("not a socket any more")
    with embedded_broker(socket):
        assert answers(socket)


@pytest.mark.parametrize("name", ["a folder with a space", "deep/" * 30 + "folder"], ids=["space", "long path"])
def test_any_var_folder_will_do(var: Path, name: str) -> None:
    owner = holder(var / name, temporary=var)
    assert end(owner) == 0


def test_the_folder_is_closed_to_others(var: Path) -> None:
    folder = var / "broker"
    folder.mkdir(mode=0o755)
    with embedded_broker(folder / "broker.sock"):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "broker.sock").stat().st_mode & 0o077 == 0


def test_a_folder_that_is_a_link_to_elsewhere_is_refused(var: Path) -> None:
    (var / "elsewhere").mkdir()
    (var / "broker").symlink_to(var / "elsewhere")
    with pytest.raises(EmbeddedError, match="BROADSHEET_VAR"), embedded_broker(var / "broker" / "broker.sock"):
        pass


def test_damaged_files_are_told_in_one_line_that_says_what_to_delete(var: Path) -> None:
    socket = var / "broker" / "broker.sock"
    with embedded_broker(socket):
        client(socket).rpush("celery", "a task")
    for part in (var / "broker" / "appendonlydir").glob("*.incr.aof"):
        part.write_bytes(b"rubbish" * 100)
    with pytest.raises(EmbeddedError) as error, embedded_broker(socket):
        pass
    assert "\n" not in str(error.value)
    assert f"delete {socket.parent}" in str(error.value)
    assert not answers(socket)
