#!/usr/bin/env python3
"""Lays out a program with the libraries that it loads.

tree.py relocatable PROGRAM FOLDER [FILE…]
    bin/pulse and lib/, each finding the libraries beside it, and licences/. The C library is the system's own. The FILEs
    are put beside them.
"""
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from libraries import Library, loaded_by  # noqa: E402

# The texts that Debian's copyright files only name.
COMMON_LICENCES = pathlib.Path("/usr/share/common-licenses")


def copy(source: pathlib.Path, target: pathlib.Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def copy_licences(libraries: list[Library], folder: pathlib.Path) -> None:
    for package in {library.package for library in libraries}:
        copy(package.copyright_file, folder / package.name / "copyright", 0o644)
    for text in COMMON_LICENCES.iterdir():
        copy(text, folder / "common-licenses" / text.name, 0o644)


def search_beside(file: pathlib.Path, where: str) -> None:
    subprocess.run(["patchelf", "--set-rpath", where, str(file)], check=True)


def relocatable(program: pathlib.Path, folder: pathlib.Path, files: list[pathlib.Path]) -> None:
    libraries = [library for library in loaded_by(program) if not library.of_the_c_library]
    copy(program, folder / "bin/pulse", 0o755)
    search_beside(folder / "bin/pulse", "$ORIGIN/../lib")
    for library in libraries:
        copied = folder / "lib" / library.soname
        copy(library.file, copied, 0o644)
        # What a program says of where to search does not hold for what its libraries load.
        search_beside(copied, "$ORIGIN")
    copy_licences(libraries, folder / "licences")
    for file in files:
        copy(file, folder / file.name, 0o644)


def main() -> int:
    _, program, folder, *files = sys.argv[1:]
    relocatable(pathlib.Path(program), pathlib.Path(folder), [pathlib.Path(file) for file in files])
    return 0


if __name__ == "__main__":
    sys.exit(main())
