"""What the operator can mend is one clear line that says what to do, and status 2: real commands, really broken."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError

from config.commandline import explanation
from tests.processes import environment, free_port, run, short_var

MANAGE = "manage.py"
CELERY = ("-m", "celery", "-A", "config")


@pytest.fixture
def var() -> Iterator[Path]:
    with short_var() as folder:
        yield folder


@pytest.fixture(scope="module")
def migrated() -> Iterator[Path]:
    with short_var() as folder:
        assert run(MANAGE, "migrate", "--verbosity", "0", env=environment(folder)).returncode == 0
        yield folder


def one_clear_line(*command: str, env: dict[str, str]) -> str:
    result = run(*command, env=env)
    assert result.returncode == 2, result
    assert "Traceback" not in result.stderr + result.stdout
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.mark.parametrize(
    "command",
    [
        (MANAGE, "check"),
        (*CELERY, "worker"),
        (*CELERY, "beat"),
        ("-m", "config.embedded.valkey"),
        ("-m", "config.embedded.outbox"),
        ("-m", "config.run"),
    ],
    ids=" ".join,
)
def test_a_bad_setting(var: Path, command: tuple[str, ...]) -> None:
    said = one_clear_line(*command, env=environment(var, BROADSHEET_UNCERTAIN="flase"))
    assert "BROADSHEET_UNCERTAIN" in said
    assert ".env.example" in said


@pytest.mark.parametrize("name", ["DATABASE_URL", "EMAIL_URL"])
def test_a_setting_that_is_there_but_empty_is_not_set(var: Path, name: str) -> None:
    assert run(MANAGE, "check", env=environment(var, **{name: ""})).returncode == 0


@pytest.mark.parametrize("command", [(MANAGE, "migrate"), (*CELERY, "worker"), ("-m", "config.run")], ids=" ".join)
def test_a_var_folder_that_cannot_be_made(var: Path, command: tuple[str, ...]) -> None:
    (var / "file").touch()
    said = one_clear_line(*command, env=environment(var / "file"))
    assert str(var / "file") in said
    assert "BROADSHEET_VAR" in said


def test_a_database_that_is_not_migrated(var: Path) -> None:
    assert "manage.py migrate" in one_clear_line(MANAGE, "send_digests", env=environment(var))


def test_a_database_that_does_not_answer(var: Path) -> None:
    env = environment(var, DATABASE_URL=f"postgres://nobody@127.0.0.1:{free_port()}/nothing")
    assert "DATABASE_URL" in one_clear_line(MANAGE, "migrate", env=env)


def test_a_database_file_that_is_none(var: Path) -> None:
    (var / "broadsheet.sqlite3").write_text("this is no database, however long it may be " * 100)
    assert "DATABASE_URL" in one_clear_line(MANAGE, "migrate", env=environment(var))


def test_a_beat_whose_broker_does_not_answer(var: Path) -> None:
    env = environment(var, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert "REDIS_URL" in one_clear_line(*CELERY, "--quiet", "beat", env=env)


def test_a_mail_server_that_does_not_answer(migrated: Path) -> None:
    env = environment(migrated, EMAIL_URL=f"smtp://127.0.0.1:{free_port()}")
    assert "EMAIL_URL" in one_clear_line(MANAGE, "sendtestemail", "alice@example.org", env=env)


def test_a_mail_server_that_refuses(migrated: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        env = environment(migrated, EMAIL_URL=f"smtp://127.0.0.1:{server.getsockname()[1]}")
        if os.fork() == 0:
            server.accept()[0].sendall(b"554 not from you\r\n")
            os._exit(0)
        said = one_clear_line(MANAGE, "sendtestemail", "alice@example.org", env=env)
    os.wait()
    assert "not from you" in said
    assert "EMAIL_URL" in said


@pytest.mark.parametrize("command", ["import_papers", "import_reads"])
def test_a_missing_file(migrated: Path, command: str) -> None:
    assert "nowhere.jsonl" in one_clear_line(MANAGE, command, "nowhere.jsonl", env=environment(migrated))


@pytest.mark.parametrize("command", ["import_papers", "import_reads"])
def test_a_folder_where_a_file_is_wanted(migrated: Path, command: str) -> None:
    assert str(migrated) in one_clear_line(MANAGE, command, str(migrated), env=environment(migrated))


@pytest.mark.parametrize(
    ("command", "files"),
    [("import_papers", ["a.jsonl"]), ("send_digests", []), ("train_recommender", []), ("embed_papers", [])],
)
def test_a_bad_option(var: Path, command: str, files: list[str]) -> None:
    result = run(MANAGE, command, *files, "--no-such-option", env=environment(var))
    assert result.returncode == 2
    assert "--no-such-option" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_model_folder_that_is_not_there(migrated: Path) -> None:
    papers = migrated / "papers.jsonl"
    papers.write_text('{"id": "test:1", "title": "Speech", "published_at": "2025-05-01"}\n')
    env = environment(migrated, BROADSHEET_ENCODER=str(migrated / "no-model"))
    assert run(MANAGE, "import_papers", str(papers), env=env).returncode == 0
    assert "no-model" in one_clear_line(MANAGE, "embed_papers", env=env)


def test_a_full_disk(var: Path) -> None:
    said = explanation(OSError(28, "No space left on device", "/full/mail.eml"))
    assert said is not None
    assert said.startswith("The disk is full")
    assert "/full/mail.eml" in said


def test_a_disk_too_full_for_the_database() -> None:
    said = explanation(OperationalError("database or disk is full"))
    assert said is not None
    assert said.startswith("The disk is full")


def test_a_full_disk_under_the_output(migrated: Path) -> None:
    said = one_clear_line(
        "-c",
        "import sys; from config.commandline import execute; sys.stdout = open('/dev/full', 'w', 1); "
        "execute(['manage.py', 'showmigrations'])",
        env=environment(migrated),
    )
    assert said.startswith("The disk is full")


@pytest.mark.parametrize("error", [IntegrityError("UNIQUE constraint failed"), ValueError("a bug"), KeyError("x")])
def test_what_is_our_own_mistake_keeps_its_traceback(error: Exception) -> None:
    assert explanation(error) is None


def test_traceback_shows_where_it_came_from(var: Path) -> None:
    result = run(MANAGE, "send_digests", "--traceback", env=environment(var))
    assert result.returncode == 1
    assert "Traceback" in result.stderr
