"""The shared libraries that a program loads, and the Debian packages that they come from.

They are this machine's own, or those of another kind of machine that script/sysroot has unpacked, where the environment
variable PULSE_SYSROOT names that folder.
"""
import dataclasses
import functools
import hashlib
import os
import pathlib
import re
import subprocess

# Of the system that the program runs on: these cannot be carried along, because the kernel starts the first, which
# loads the others, and all must be of one version.
OF_THE_C_LIBRARY = re.compile(r"^(ld-linux.*|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|nsl|nss_\w+))\.so\.\d+$")


MACHINE = pathlib.Path("/")
SYSROOT = pathlib.Path(os.environ.get("PULSE_SYSROOT") or MACHINE).resolve()


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    version: str
    architecture: str
    source: str
    root: pathlib.Path  # where it is unpacked

    @property
    def copyright_file(self) -> pathlib.Path:
        return self.root / "usr/share/doc" / self.name / "copyright"


@dataclasses.dataclass(frozen=True)
class Library:
    soname: str
    file: pathlib.Path  # what the name leads to

    @property
    def of_the_c_library(self) -> bool:
        return OF_THE_C_LIBRARY.match(self.soname) is not None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    @property
    def package(self) -> Package:
        return packages_of([self.file])[self.file]


def dpkg_query(root: pathlib.Path, *arguments: str) -> str:
    """What it says of the packages of `root`; of what it does not know it says nothing."""
    database = [] if root == MACHINE else [f"--admindir={root}/dpkg"]
    return subprocess.run(["dpkg-query", *database, *arguments], capture_output=True, text=True).stdout


@functools.cache
def package_named(name: str, root: pathlib.Path) -> Package:
    """`name` as dpkg gives it, perhaps with ":amd64"."""
    form = "${Package}\t${Version}\t${Architecture}\t${source:Package}"
    return Package(*dpkg_query(root, "-W", "-f", form, name).split("\t"), root)


def packages_in(root: pathlib.Path, files: list[pathlib.Path]) -> dict[pathlib.Path, Package]:
    """Those of `files`, which lie in `root`, that are of a package."""
    if not files:
        return {}
    spellings = {f"/{file.relative_to(root)}": file for file in files}
    # dpkg knows a file by the path that its package has, which may lead through the link /lib.
    through_link = {path.removeprefix("/usr"): file for path, file in spellings.items() if path.startswith("/usr/lib")}
    spellings = through_link | spellings
    found = {}
    for line in dpkg_query(root, "-S", *spellings).splitlines():
        names, _, path = line.rpartition(": ")
        if path in spellings and "diversion" not in names:
            found[spellings[path]] = package_named(names.split(", ")[0], root)
    return found


def packages_of(files: list[pathlib.Path]) -> dict[pathlib.Path, Package]:
    """Raises ValueError when a file is of no package."""
    # The cross compiler's own headers are this machine's.
    in_sysroot = [file for file in files if file.is_relative_to(SYSROOT)]
    found = packages_in(SYSROOT, in_sysroot) | packages_in(MACHINE, sorted(set(files) - set(in_sysroot)))
    if missing := [str(file) for file in files if file not in found]:
        raise ValueError(f"of no Debian package: {', '.join(missing)}")
    return found


def said_by_loader(program: pathlib.Path) -> str:
    command = ["ldd", str(program)]
    if SYSROOT != MACHINE:
        # What ldd does, on the other machine.
        command = ["qemu-aarch64-static", "-E", "LD_TRACE_LOADED_OBJECTS=1", "-L", str(SYSROOT), str(program)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def loaded_by(program: pathlib.Path) -> list[Library]:
    """All, also those that libraries load, by name. Raises ValueError when one is not there."""
    libraries = []
    for line in said_by_loader(program).splitlines():
        if "not found" in line:
            raise ValueError(f"{program} loads a library that is not there: {line.strip()}")
        if match := re.search(r"(?:(\S+) => )?(/\S+) \(0x", line):
            file = SYSROOT / match[2].lstrip("/")
            libraries.append(Library(pathlib.Path(match[1] or file).name, file.resolve()))
    return sorted(libraries, key=lambda library: library.soname)
