"""The image of the pods of the tests: one small program, without a registry."""

import io
import json
import os
import tarfile
from hashlib import sha256

IMAGE = "mesh.test/small:1"


def write_image(program, path):
    """An image of one small program, as ``docker save`` would write it in the form of the OCI."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(program, "small")
        for name in ("tmp", "run", "home/jovyan"):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(info)
        texts = {
            "etc/passwd": "root:x:0:0::/root:/bin/sh\njovyan:x:1000:100::/home/jovyan:/bin/sh\n",
            "etc/group": "root:x:0:\nusers:x:100:\n",
        }
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("etc/mtab")
        link.type, link.linkname = tarfile.SYMTYPE, "/proc/self/mounts"
        tar.addfile(link)
    content = layer.getvalue()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Cmd": ["/small", "pause"], "Env": ["PATH=/"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(content).hexdigest()}"]},
    }
    kind = "application/vnd.oci.image"
    with tarfile.open(path, "w") as tar:

        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        def blob(data, media):
            digest = sha256(data).hexdigest()
            add(f"blobs/sha256/{digest}", data)
            return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": blob(json.dumps(config).encode(), f"{kind}.config.v1+json"),
            "layers": [blob(content, f"{kind}.layer.v1.tar")],
        }
        entry = blob(json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
        entry["annotations"] = {"io.containerd.image.name": IMAGE}
        index = {"schemaVersion": 2, "manifests": [entry]}
        add("index.json", json.dumps(index).encode())
        add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
