#!/usr/bin/env python
"""Broadsheet's command line: `python manage.py help` lists what it can do."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.commandline import execute

    execute(sys.argv)


if __name__ == "__main__":
    main()
