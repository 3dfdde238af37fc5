"""Settings of the suite: the product's own, with a var/ folder of its own for every test process."""

import atexit
import os
import shutil
import tempfile

_var = tempfile.mkdtemp(prefix="broadsheet-tests-")
atexit.register(shutil.rmtree, _var, ignore_errors=True)
os.environ["BROADSHEET_VAR"] = _var
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if os.environ.get("REDIS_URL"):
    # Every test empties the cache, so each of xdist's processes needs a Redis database of its own.
    _server, _, _number = os.environ["REDIS_URL"].rpartition("/")
    _process = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    os.environ["REDIS_URL"] = f"{_server}/{int(_number) + int(_process)}"

from config.settings import *  # noqa: E402, F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECURE_SSL_REDIRECT = False
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405  # a live server's threads must not hold on to the database
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file as in production: an in-memory database knows no busy timeout, so threads at once would fail in tests only.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(_var, "test.sqlite3")}  # noqa: F405, PTH118
