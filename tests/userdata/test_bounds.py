"""User data is other people's: however large or deep it is made, reading it stays small."""

import gzip
import sys
import tracemalloc
import zlib
from functools import reduce
from types import SimpleNamespace

import pytest

from eks_auditor.userdata import UnreadableUserDataError, encoding, joined_clusters, read_user_data
from tests.userdata.corpus import NODE, NODE_CONFIG, SCRIPT, encoded, mime

KIB, MIB = 1024, 1024 * 1024
MOST_MEMORY = 16 * MIB
MOST_UNPACKED = 1 * MIB
FULL = "#" + " " * 127 * KIB
"""As much as may come out of one part, which gzip makes two hundred bytes of."""


def bomb(largest: int = 16 * KIB) -> bytes:
    """Return gzip of at most this size that unpacks to a thousand times as much."""
    data = gzip.compress(b"\0" * 1000 * largest, mtime=0)
    assert len(data) <= largest
    return data


def nested_mime(depth: int) -> str:
    text = "#!/bin/bash"
    for level in range(depth):
        text = mime((f'Content-Type: multipart/mixed; boundary="{level}"', text), boundary=f"b{level}")
    return text


def packed(text: str = FULL) -> str:
    return encoded(gzip.compress(text.encode(), mtime=0))


def files(count: int, text: str = FULL) -> str:
    return "#cloud-config\nwrite_files:\n" + f"- {{encoding: gz+b64, content: {packed(text)}}}\n" * count


CALLS = "/etc/eks/bootstrap.sh shop\n" + "a b " * 31 * KIB
BASE64_SCRIPT = f"{SCRIPT}\nContent-Transfer-Encoding: base64"
CONFIG = "Content-Type: text/cloud-config"
MANY: dict[str, str | bytes] = {
    "many small bombs in files": files(45),
    "many small bombs of scripts in files": files(40, CALLS),
    "many small bombs in files, packed": gzip.compress(files(400).encode(), mtime=0),
    "many small bombs in MIME parts": mime(*[(BASE64_SCRIPT, packed())] * 35),
    "many small bombs in MIME parts, packed": gzip.compress(mime(*[(BASE64_SCRIPT, packed())] * 300).encode(), mtime=0),
    "many small bombs in files of many MIME parts": mime(*[(CONFIG, files(1))] * 35),
    "many small bombs in files of many MIME parts, packed": gzip.compress(
        mime(*[(CONFIG, files(1))] * 300).encode(), mtime=0
    ),
}
HOSTILE: dict[str, str | bytes] = {
    "a decompression bomb": bomb(),
    "a bomb of bombs": gzip.compress(bomb(), mtime=0),
    "a bomb in MIME": mime((f"{NODE}\nContent-Transfer-Encoding: base64", encoded(bomb(8 * KIB)))),
    "a bomb in a file": f"#cloud-config\nwrite_files: [{{encoding: gz+b64, content: {encoded(bomb(8 * KIB))}}}]",
    "packed four times over": reduce(lambda data, _: gzip.compress(data, mtime=0), range(4), b"#!/bin/bash"),
    "nested MIME": nested_mime(200),
    "nested lists": NODE_CONFIG + "  x: " + "[" * 10_000,
    "nested mappings": NODE_CONFIG + "  x: " + "{a: " * 4_000,
    "nested blocks": NODE_CONFIG + "  x:\n    " + "- " * 8_000,
    "nested TOML": "[settings.kubernetes]\nx = " + "[" * 16_000,
    "dotted TOML": "[settings.kubernetes]\n" + "a." * 8_000 + "b = 1\n",
    "billion laughs": NODE_CONFIG + "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n",
    "too large": "#" * 50 * KIB,
    **MANY,
}
LARGE: dict[str, str | bytes] = {
    "quotes": "#!/bin/bash\n" + "'\"" * 8_000,
    "substitutions": "#!/bin/bash\n" + '$("' * 5_000,
    "backticks": "#!/bin/bash\n" + "`" * 16_001,
    "here-documents": "#!/bin/bash\n" + "<<a " * 4_000 + "\n",
    "calls": "/etc/eks/bootstrap.sh shop\n" * 600,
    "labels": "/etc/eks/bootstrap.sh shop --kubelet-extra-args --node-labels="
    + ",".join(f"a{number}=b" for number in range(1500)),
    "words of PowerShell": "<powershell>" + "& $x -EKSClusterName a '" * 600,
    "tags of PowerShell": "<powershell>" * 1_300,
    "blanks": " " * 16_000 + "!",
    "zeros": b"\0" * 16_000,
    "parts": mime(*[(SCRIPT, "echo")] * 150),
    "headers before the one that counts": "x: y\n\tz\n" * 2_000 + "content-type",
    "words of kubectl": "/etc/eks/bootstrap.sh shop; " + "kubectl " * 2_000,
    "words of kubectl, packed": gzip.compress(b"/etc/eks/bootstrap.sh shop; " + b"kubectl " * 15 * KIB, mtime=0),
    "delimiters": "/etc/eks/bootstrap.sh shop\n" + "<<'a " * 3_000,
    "headers": "Content-Type: multipart/mixed\n" + "x: y\n" * 3_000,
    "long header": "Content-Type: multipart/mixed; boundary=" + "a;" * 8_000,
    "key of NodeConfig": NODE_CONFIG + "x" * 12_000 + ": y",
}


def measured(data: str | bytes) -> int:
    """Return the most memory that reading took, whatever came of it."""
    text = encoded(data)
    joined_clusters(text)
    tracemalloc.start()
    try:
        read_user_data(text)
    except UnreadableUserDataError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_too_large_or_too_deep_is_refused(name: str) -> None:
    limit = sys.getrecursionlimit()
    with pytest.raises(UnreadableUserDataError):
        read_user_data(encoded(HOSTILE[name]))
    assert measured(HOSTILE[name]) < MOST_MEMORY
    assert sys.getrecursionlimit() == limit


class Unpacker:
    """zlib's own, that counts what comes out of all of its kind."""

    def __init__(self, unpacked: list[int], wbits: int) -> None:
        self._own = zlib.decompressobj(wbits=wbits)
        self._unpacked = unpacked

    def decompress(self, data: bytes, max_length: int) -> bytes:
        found = self._own.decompress(data, max_length)
        self._unpacked.append(len(found))
        return found

    @property
    def eof(self) -> bool:
        return self._own.eof

    @property
    def unused_data(self) -> bytes:
        return self._own.unused_data


@pytest.mark.parametrize("name", MANY)
def test_many_small_bombs_unpack_to_no_more_than_a_few_large_ones(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[int] = []
    counting = SimpleNamespace(
        decompressobj=lambda wbits: Unpacker(unpacked, wbits), error=zlib.error, MAX_WBITS=zlib.MAX_WBITS
    )
    monkeypatch.setattr(encoding, "zlib", counting)
    data = MANY[name]
    assert len(data) <= 16 * KIB, "EC2 would not take it"
    joined_clusters(encoded(data))
    assert KIB < sum(unpacked) < MOST_UNPACKED


def test_files_that_are_not_too_large_together_are_read() -> None:
    text = files(3, "#" * 40 * KIB) + "runcmd: ['/etc/eks/bootstrap.sh shop --kubelet-extra-args --node-labels=a=b']\n"
    assert read_user_data(encoded(text)).labels == {"a": "b"}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_takes_little_memory(name: str) -> None:
    assert measured(LARGE[name]) < MOST_MEMORY


def test_as_much_as_ec2_takes_is_read() -> None:
    script = (
        "#!/bin/bash\n" + "echo hello\n" * 1_400 + "/etc/eks/bootstrap.sh shop --kubelet-extra-args --node-labels=a=b\n"
    )
    assert 15 * KIB < len(script) <= 16 * KIB
    assert read_user_data(encoded(script)).labels == {"a": "b"}
