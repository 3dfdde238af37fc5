"""manage.py with manners: what the operator can mend is one clear line and exit status 2, not a traceback."""

import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db.utils import OperationalError, ProgrammingError
from environs import EnvError
from kombu.exceptions import OperationalError as BrokerError

UNREADY = ("no such table", "does not exist", "no such column", "UndefinedTable")


def execute(argv: list[str]) -> None:
    try:
        execute_from_command_line(argv)
    except (OperationalError, ProgrammingError) as error:
        if any(sign in str(error) for sign in UNREADY):
            fail("The database is not set up or not up to date. Run: python manage.py migrate")
        fail(f"The database did not answer: {one_line(error)}. Check DATABASE_URL.")
    except BrokerError as error:
        fail(f"The broker did not answer: {one_line(error)}. Start it (make run), set REDIS_URL, or use --inline.")
    except (EnvError, ImproperlyConfigured) as error:
        fail(f"A setting is wrong: {one_line(error)}. See .env.example.")


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")


def fail(message: str) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(2)
