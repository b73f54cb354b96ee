"""The files of the container image: the program, what it loads, certificates, a user, and nothing else."""
import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "contents"))
from libraries import loaded_by  # noqa: E402

USER = 65532
PROGRAM = "usr/bin/pulse"
DATA = "var/lib/pulse"
# By what OCI calls the architecture: where Debian's libraries are, and the loader that programs name.
LIBRARIES = {"amd64": "usr/lib/x86_64-linux-gnu", "arm64": "usr/lib/aarch64-linux-gnu"}
LOADERS = {"ld-linux-x86-64.so.2": "usr/lib64", "ld-linux-aarch64.so.1": "usr/lib"}
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
TEXTS = {
    "etc/passwd": f"root:x:0:0:root:/:/\npulse:x:{USER}:{USER}:Pulse:/{DATA}:/\n",
    "etc/group": f"root:x:0:\npulse:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# Runtimes mount something on the first four, which a read-only root must have.
FOLDERS = {"dev": 0o755, "proc": 0o755, "sys": 0o755, "tmp": 0o1777, DATA: 0o700}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file, a folder where there is no content, or a link."""

    path: str
    mode: int
    content: bytes | None = None
    link: str | None = None
    owner: int = 0


def with_folders(entries: list[Entry]) -> list[Entry]:
    """Also every folder above, each before what is in it."""
    all_entries = {entry.path: entry for entry in entries}
    for entry in entries:
        for above in pathlib.PurePosixPath(entry.path).parents:
            if str(above) != ".":
                all_entries.setdefault(str(above), Entry(str(above), 0o755))
    return [all_entries[path] for path in sorted(all_entries)]


def base(program: pathlib.Path, architecture: str) -> list[Entry]:
    """What a new version of the program rarely changes."""
    libraries = loaded_by(program)
    entries = [Entry("lib", 0o777, link="usr/lib"), Entry("lib64", 0o777, link="usr/lib64")]
    for library in libraries:
        folder = LOADERS.get(library.soname, LIBRARIES[architecture])
        entries.append(Entry(f"{folder}/{library.soname}", 0o755, library.file.read_bytes()))
    for package in {library.package for library in libraries}:
        entries.append(Entry(f"usr/share/doc/{package.name}/copyright", 0o644, package.copyright_file.read_bytes()))
    entries.append(Entry(CERTIFICATES, 0o644, pathlib.Path("/", CERTIFICATES).read_bytes()))
    entries += [Entry(path, 0o644, text.encode()) for path, text in TEXTS.items()]
    entries += [Entry(path, mode, owner=USER if path == DATA else 0) for path, mode in FOLDERS.items()]
    return with_folders(entries)


def top(program: pathlib.Path, bill_of_materials: pathlib.Path, licence: pathlib.Path) -> list[Entry]:
    documents = "usr/share/doc/pulse"
    return with_folders([
        Entry(PROGRAM, 0o755, program.read_bytes()),
        Entry(f"{documents}/sbom.cdx.json", 0o644, bill_of_materials.read_bytes()),
        Entry(f"{documents}/LICENSE", 0o644, licence.read_bytes()),
    ])
