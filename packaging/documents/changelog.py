#!/usr/bin/env python3
"""Writes Debian's form of a changelog, which names the version and where the changes are told.

changelog.py VERSION MAINTAINER SECONDS: the last is the time of the release, since 1970.
"""
import email.utils
import sys


def main() -> int:
    version, maintainer, seconds = sys.argv[1:]
    date = email.utils.formatdate(int(seconds))
    print(f"pulse ({version}) unstable; urgency=medium\n\n  * The changes are told in CHANGELOG.md of the sources.\n")
    print(f" -- {maintainer}  {date}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
