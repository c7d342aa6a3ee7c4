"""Packs a wheel of programs that are built already: wheel.py OUT VERSION TAG SCRIPTS SHARE.

SCRIPTS is a folder of programs, which pip puts into bin/; SHARE a folder that becomes share/ of the environment. What is in
the other packages is in this one too, byte for byte: a build of its own, as maturin makes it, would take another five
minutes and be another program. Times are SOURCE_DATE_EPOCH's. The form: https://packaging.python.org/specifications/binary-distribution-format/
"""

import base64
import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path

NAME = "chameleon_upgrade"
METADATA = """Metadata-Version: 2.4
Name: chameleon-upgrade
Version: {version}
Summary: Upgrades a pg_chameleon replica catalogue from 1.7 to 2.0
License-Expression: BSD-2-Clause
License-File: LICENSE
Requires-Python: >=3.8
Description-Content-Type: text/markdown

{description}"""
WHEEL = "Wheel-Version: 1.0\nGenerator: packaging/wheel.py\nRoot-Is-Purelib: false\n{tags}"


def main(out, version, tag, scripts, share):
    info, data = f"{NAME}-{version}.dist-info", f"{NAME}-{version}.data"
    # A program of any Python, for one platform; of one that has two names, both stand.
    tags = "".join(f"Tag: py3-none-{platform}\n" for platform in tag.split("."))
    root = Path(__file__).parent.parent
    description = (root / "README.md").read_text(encoding="utf-8")
    files = {
        f"{info}/METADATA": METADATA.format(version=version, description=description).encode(),
        f"{info}/WHEEL": WHEEL.format(tags=tags).encode(),
        f"{info}/licenses/LICENSE": (root / "LICENSE").read_bytes(),
    }
    for folder, place in ((scripts, f"{data}/scripts"), (share, f"{data}/data/share")):
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                files[f"{place}/{file.relative_to(folder)}"] = file.read_bytes()
    record = f"{info}/RECORD"
    lines = [f"{name},sha256={digest(content)},{len(content)}" for name, content in files.items()]
    files[record] = "".join(line + "\n" for line in [*lines, f"{record},,"]).encode()
    moment = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    with zipfile.ZipFile(Path(out) / f"{NAME}-{version}-py3-none-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            wheel.writestr(entry, content)


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
