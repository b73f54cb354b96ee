#!/usr/bin/env python3
"""Writes an OCI image layout as a tar archive (image-spec 1.0: image-layout.md, manifest.md, config.md, layer.md).

layout.py PROGRAM VERSION BILL_OF_MATERIALS LICENCE SECONDS ARCHITECTURE ARCHIVE: SECONDS is the time of the release, since
1970; ARCHITECTURE is amd64 or arm64.

Beside the layout lies manifest.json, by which Docker's own "load" finds its way where it does not know layouts.

No container engine is needed, nor the rights of root: owners and times are written as they shall be. The same content
makes the same archive.
"""
import datetime
import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

sys.dont_write_bytecode = True
from image_root import DATA, PROGRAM, USER, CERTIFICATES, Entry, base, top  # noqa: E402

MEDIA = "application/vnd.oci.image"


def add(archive: tarfile.TarFile, entry: Entry, seconds: int) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mode, info.mtime, info.uid, info.gid = entry.mode, seconds, entry.owner, entry.owner
    if entry.link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
    elif entry.content is None:
        info.type = tarfile.DIRTYPE
    else:
        info.size = len(entry.content)
    archive.addfile(info, io.BytesIO(entry.content) if entry.content is not None else None)


def tar_of(entries: list[Entry], seconds: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in entries:
            add(archive, entry, seconds)
    return packed.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def path_of(name: str) -> str:
    """Where the blob of this digest lies."""
    return f"blobs/{name.replace(':', '/')}"


class Layout:
    """Collects an image's blobs."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, media: str, content: bytes) -> dict:
        """Returns the content's descriptor."""
        self.blobs[digest(content)] = content
        return {"mediaType": f"{MEDIA}.{media}", "digest": digest(content), "size": len(content)}

    def put_json(self, media: str, value: dict) -> dict:
        return self.put(media, json.dumps(value, sort_keys=True).encode())

    def entries(self, files: dict[str, object]) -> list[Entry]:
        """The archive's, with these JSON files beside the blobs."""
        blobs = [Entry(path_of(name), 0o644, content) for name, content in self.blobs.items()]
        return [
            Entry("oci-layout", 0o644, b'{"imageLayoutVersion": "1.0.0"}'),
            *(Entry(name, 0o644, json.dumps(value, sort_keys=True).encode()) for name, value in files.items()),
            *sorted(blobs, key=lambda entry: entry.path),
        ]


def configuration(version: str, created: str, platform: dict, layers: list[bytes]) -> dict:
    return {
        **platform, "created": created,
        "config": {
            "User": f"{USER}:{USER}",
            "Entrypoint": [f"/{PROGRAM}"], "Cmd": ["serve"], "WorkingDir": "/", "StopSignal": "SIGTERM",
            "Env": [
                "PATH=/usr/bin", f"PULSE_DATA_DIR=/{DATA}", f"SSL_CERT_FILE=/{CERTIFICATES}",
                # Others reach the container by its own address only. Without TLS Pulse wants to be told that it may.
                "PULSE_LISTEN=0.0.0.0:7857",
            ],
            "ExposedPorts": {"7857/tcp": {}}, "Volumes": {f"/{DATA}": {}},
            "Labels": {
                "org.opencontainers.image.title": "pulse", "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": [{"created": created, "created_by": "script/package"} for _ in layers],
    }


def main() -> int:
    program, version, bill, licence, seconds, architecture, target = sys.argv[1:]
    platform = {"architecture": architecture, "os": "linux"}
    time = int(seconds)
    created = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    roots = [base(pathlib.Path(program), architecture), top(pathlib.Path(program), pathlib.Path(bill), pathlib.Path(licence))]
    layers = [tar_of(entries, time) for entries in roots]
    layout = Layout()
    manifest = {
        "schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": layout.put_json("config.v1+json", configuration(version, created, platform, layers)),
        "layers": [layout.put("layer.v1.tar+gzip", gzip.compress(layer, compresslevel=6, mtime=0)) for layer in layers],
    }
    # Tools ask for a tag; containerd, for a whole name.
    names = {"org.opencontainers.image.ref.name": version, "io.containerd.image.name": f"docker.io/library/pulse:{version}"}
    described = {
        **layout.put_json("manifest.v1+json", manifest),
        "platform": platform, "annotations": names,
    }
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": [described]}
    for_docker = [{
        "Config": path_of(manifest["config"]["digest"]), "RepoTags": [f"pulse:{version}"],
        "Layers": [path_of(layer["digest"]) for layer in manifest["layers"]],
    }]
    archive = layout.entries({"index.json": index, "manifest.json": for_docker})
    pathlib.Path(target).write_bytes(tar_of(archive, time))
    return 0


if __name__ == "__main__":
    sys.exit(main())
