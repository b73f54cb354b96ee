#!/usr/bin/env python3
"""Prints a bill of materials (CycloneDX 1.5, JSON) of what is in the program.

sbom.py PROGRAM VERSION BUILD_FOLDER LOCK_FILE SECONDS: the last is the time of the release, since 1970.

Three kinds of components: libraries that are loaded (scope "required", with the property pulse:use = linked), packages
whose headers are compiled in (compiled-in), and what only tests use, from npm's lock file (scope "excluded").
"""
import datetime
import json
import pathlib
import re
import subprocess
import sys
import urllib.parse
import uuid

sys.dont_write_bytecode = True
from libraries import MACHINE, SYSROOT, Package, loaded_by, packages_of  # noqa: E402

OBJECT = re.compile(r"^CMakeFiles/(pulse|failpoints_off)[a-z_]*\.dir/")


def compiled_in(build: pathlib.Path) -> set[Package]:
    """The packages of all headers outside of the project that the program's objects were made with."""
    listing = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], check=True, capture_output=True, text=True).stdout
    places = [MACHINE / "usr", SYSROOT / "usr"]
    headers: set[pathlib.Path] = set()
    ours = False
    for line in listing.splitlines():
        if not line.startswith(" "):
            ours = OBJECT.match(line) is not None
        elif ours and any((header := (build / line.strip()).resolve()).is_relative_to(place) for place in places):
            headers.add(header)
    if not headers:
        raise ValueError(f"{build} has no record of headers: build the program there first")
    return set(packages_of(sorted(headers)).values())


def licences(package: Package) -> list[str]:
    """All that the copyright file of the package's source names, where it has the machine-readable form. Which of them
    holds for the library only its text says, so this is no statement of the library's licence."""
    file = package.copyright_file
    text = file.read_text(errors="replace") if file.exists() else ""
    return sorted(set(re.findall(r"^License: *(\S.*)$", text, re.M))) if text.startswith("Format:") else []


def component(package: Package, use: str) -> dict:
    version = urllib.parse.quote(package.version, safe="")
    purl = f"pkg:deb/debian/{package.name}@{version}?arch={package.architecture}&upstream={package.source}"
    one = {
        "type": "library", "bom-ref": purl, "name": package.name, "version": package.version, "purl": purl,
        "scope": "required", "properties": [{"name": "pulse:use", "value": use}],
    }
    one["properties"] += [{"name": "debian:copyright:names", "value": name} for name in licences(package)]
    return one


def linked(program: pathlib.Path) -> list[dict]:
    of: dict[Package, list] = {}
    for library in loaded_by(program):
        of.setdefault(library.package, []).append(library)
    components = []
    for package, libraries in sorted(of.items(), key=lambda item: item[0].name):
        one = component(package, "linked")
        one["components"] = [
            {"type": "file", "name": library.soname, "hashes": [{"alg": "SHA-256", "content": library.sha256}]}
            for library in libraries
        ]
        components.append(one)
    return components


def of_tests(lock_file: pathlib.Path) -> list[dict]:
    packages = json.loads(lock_file.read_text())["packages"]
    components = {}
    for path, facts in packages.items():
        name = facts.get("name") or path.rpartition("node_modules/")[2]
        if not path or facts.get("link") or "version" not in facts:
            continue
        purl = f"pkg:npm/{urllib.parse.quote(name, safe='/')}@{facts['version']}"
        components[purl] = {
            "type": "library", "bom-ref": purl, "name": name, "version": facts["version"], "purl": purl,
            "scope": "excluded", "properties": [{"name": "pulse:use", "value": "tests"}],
        }
        if "license" in facts:
            components[purl]["licenses"] = [{"license": {"name": facts["license"]}}]
    return [components[purl] for purl in sorted(components)]


def main() -> int:
    program, version, build, lock_file, seconds = sys.argv[1:]
    found = linked(pathlib.Path(program))
    names = {one["name"] for one in found}
    headers = sorted(compiled_in(pathlib.Path(build)), key=lambda package: package.name)
    components = [
        *found,
        *(component(package, "compiled-in") for package in headers if package.name not in names),
        *of_tests(pathlib.Path(lock_file)),
    ]
    time = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).isoformat()
    pulse = {"type": "application", "bom-ref": "pulse", "name": "pulse", "version": version,
             "licenses": [{"license": {"id": "Apache-2.0"}}]}
    content = json.dumps(components, sort_keys=True)
    bill = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        # The same for the same content.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, version + content)}",
        "metadata": {"timestamp": time, "component": pulse},
        "components": components,
        "dependencies": [{"ref": "pulse", "dependsOn": [one["bom-ref"] for one in components if one["scope"] == "required"]}],
    }
    print(json.dumps(bill, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
