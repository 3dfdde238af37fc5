"""The pictures in docs/: of what `make demo` left, and of the editors' desk. `python -m tests.screenshots`"""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings
from playwright.sync_api import Page, sync_playwright

from config.commandline import fail
from config.demo.kept import KeptDemo
from config.embedded.tether import stop, tethered
from tests.journeys.house import is_up
from tests.processes import ROOT, free_port, wait_until

PICTURES = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    demo = KeptDemo.load(settings.VAR_DIR)
    mails = sorted(settings.OUTBOX_DIR.glob("*.html"))
    if demo is None or not mails:
        fail("There is no demo to take pictures of. Run: make demo")
    site = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", site.removeprefix("http://")]
    server = subprocess.Popen(
        tethered([*command, "--threads", "4", "--no-control-socket"]),
        cwd=ROOT,
        env=os.environ | demo.environment() | {"DEBUG": "1", "BROADSHEET_BASE_URL": site},
    )
    try:
        assert wait_until(lambda: is_up(site)), "the site did not start"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            take(browser.new_page(viewport={"width": 1100, "height": 900}), f"{site}/", "site")
            take(browser.new_page(viewport={"width": 700, "height": 900}), mails[0].as_uri(), "digest")
            for width in (360, 800):
                for scheme in ("light", "dark"):
                    page = browser.new_page(viewport={"width": width, "height": 1200}, color_scheme=scheme)
                    take(page, mails[0].as_uri(), f"digest-{width}-{scheme}")
            reader = browser.new_page(viewport={"width": 1100, "height": 900})
            reader.goto(f"{site}/accounts/login/")
            reader.fill("input[name=login]", demo.email)
            reader.locator("details:has(input[name=password]) > summary").click()
            reader.fill("input[name=password]", demo.password)
            reader.press("input[name=password]", "Enter")
            take(reader, f"{site}/for-you/", "for-you")
            browser.close()
    finally:
        stop(server)
    desk = ["tests/browser/test_editors_morning.py", "tests/browser/test_editors_desk.py"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *desk],
        cwd=ROOT,
        env=os.environ | {"BROADSHEET_PICTURES": str(PICTURES)},
        check=True,
    )


def take(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
