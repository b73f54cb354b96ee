"""The shared libraries that a program loads, and the Debian packages that they come from."""
import dataclasses
import functools
import hashlib
import pathlib
import re
import subprocess

# Of the system that the program runs on: these cannot be carried along, because the kernel starts the first, which
# loads the others, and all must be of one version.
OF_THE_C_LIBRARY = re.compile(r"^(ld-linux.*|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|nsl|nss_\w+))\.so\.\d+$")


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    version: str
    architecture: str
    source: str

    @property
    def copyright_file(self) -> pathlib.Path:
        return pathlib.Path("/usr/share/doc") / self.name / "copyright"


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


@functools.cache
def package_named(name: str) -> Package:
    """`name` as dpkg gives it, perhaps with ":amd64"."""
    form = "${Package}\t${Version}\t${Architecture}\t${source:Package}"
    fields = subprocess.run(["dpkg-query", "-W", "-f", form, name], check=True, capture_output=True, text=True)
    return Package(*fields.stdout.split("\t"))


def packages_of(files: list[pathlib.Path]) -> dict[pathlib.Path, Package]:
    """Raises ValueError when a file is of no package."""
    # dpkg knows a file by the path that its package has, which may lead through the link /lib.
    spellings = {str(file).removeprefix("/usr"): file for file in files if str(file).startswith("/usr/lib")}
    spellings |= {str(file): file for file in files}
    answer = subprocess.run(["dpkg-query", "-S", *spellings], capture_output=True, text=True).stdout
    found = {}
    for line in answer.splitlines():
        names, _, path = line.rpartition(": ")
        if path in spellings and "diversion" not in names:
            found[spellings[path]] = package_named(names.split(", ")[0])
    if missing := [str(file) for file in files if file not in found]:
        raise ValueError(f"of no Debian package: {', '.join(missing)}")
    return found


def loaded_by(program: pathlib.Path) -> list[Library]:
    """All, also those that libraries load, by name. Raises ValueError when one is not there."""
    lines = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout.splitlines()
    libraries = []
    for line in lines:
        if "not found" in line:
            raise ValueError(f"{program} loads a library that is not there: {line.strip()}")
        if match := re.search(r"(?:(\S+) => )?(/\S+) \(0x", line):
            file = pathlib.Path(match[2])
            libraries.append(Library(pathlib.Path(match[1] or file).name, file.resolve()))
    return sorted(libraries, key=lambda library: library.soname)
