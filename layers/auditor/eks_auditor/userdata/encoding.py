"""Takes user data out of its wrappings: base64, gzip and MIME, each within bounds."""

import base64
import binascii
import codecs
import quopri
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message

from eks_auditor.userdata.joining import UnreadableUserDataError

LARGEST = 128 * 1024
"""How many characters are read at most, unpacked, all parts together. EC2 takes 16 KiB before base64."""

_LARGEST_ENCODED = 64 * 1024
_MOST_LAYERS = 3
_MOST_MULTIPARTS = 8
_GZIP = b"\x1f\x8b"

# What makes MIME: one of two headers, wherever it is among the first lines. Before them mailboxes have a line From.
_HEADERS = re.compile(
    rb"(?:From [^\n]*\n)?(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:mime-version|content-type)[ \t]{0,9}:", re.IGNORECASE
)
_NESTING = re.compile(r"content-type:\s*(?:multipart|message)/", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{16,}={0,2}")
_LINE_END = re.compile(r"\r\n?")


@dataclass(slots=True)
class Room:
    """How much more may be unpacked; many small parts may not come to more than one large one.

    Attributes:
        left: So many characters.
    """

    left: int = LARGEST

    def take(self, text: str) -> str:
        """Return the text, for which there is room.

        Raises:
            UnreadableUserDataError: If there is none.
        """
        self.left -= len(text)
        if self.left < 0:
            raise _too_large()
        return text


@dataclass(frozen=True, slots=True)
class Part:
    """One part of user data.

    Attributes:
        media_type: What MIME calls it, in lower case; empty where there is no MIME.
        text: Its text, lines ended by line feeds.
    """

    media_type: str
    text: str


def parts(encoded: str) -> list[Part]:
    """Return the parts of user data, one for data that is no MIME.

    Args:
        encoded: Base64, as EC2 returns it.

    Raises:
        UnreadableUserDataError: If it is no base64, a wrapping is broken, or more comes out than is read.
    """
    if len(encoded) > _LARGEST_ENCODED:
        message = f"it is larger than {_LARGEST_ENCODED} characters"
        raise UnreadableUserDataError(message)
    data = _unpacked(_from_base64(encoded.encode("ascii", "replace"), strict=True))
    bare = data.removeprefix(codecs.BOM_UTF8).lstrip()
    return list(_mime_parts(bare.decode("latin-1"))) if _HEADERS.match(bare) else [Part("", _text(data))]


def decoded_text(content: str, encoding: str) -> str:
    """Return a file's content as cloud-init's ``write_files`` decodes it.

    Raises:
        UnreadableUserDataError: If it is not encoded as it says.
    """
    data = content.encode()
    if "b64" in encoding or "base64" in encoding:
        data = _from_base64(data, strict=True)
    return _text(_gunzipped(data) if "gz" in encoding else data)


def _mime_parts(text: str) -> Iterator[Part]:
    """Yield the parts; MIME is read as Latin-1, so that no part's own charset is ever asked for."""
    if sum(1 for _ in _NESTING.finditer(text)) > _MOST_MULTIPARTS:
        message = "its MIME parts are nested too deep"
        raise UnreadableUserDataError(message)
    room = Room()
    for part in message_from_string(text).walk():
        if not part.is_multipart():
            yield Part(part.get_content_type(), room.take(_text(_unpacked(_payload(part)))))


def _payload(part: Message) -> bytes:
    content = part.get_payload()
    data = content.encode("latin-1") if isinstance(content, str) else b""
    match str(part.get("content-transfer-encoding", "")).strip().lower():
        case "base64":
            return _from_base64(data, strict=False)
        case "quoted-printable":
            return quopri.decodestring(data)
        case _:
            return data


def _unpacked(data: bytes) -> bytes:
    """Undo what nodeadm and cloud-init undo by looking at the content: gzip, and base64 around it.

    Source: awslabs/amazon-eks-ami, ``nodeadm/internal/configprovider/encoding.go``.
    """
    for _ in range(_MOST_LAYERS):
        if data.startswith(_GZIP):
            data = _gunzipped(data)
        elif _BASE64.fullmatch(data.strip()) and (decoded := _decoded(data, strict=True)) is not None:
            data = decoded
        else:
            return data
    message = "it is packed more than three times over"
    raise UnreadableUserDataError(message)


def _from_base64(data: bytes, *, strict: bool) -> bytes:
    decoded = _decoded(data, strict=strict)
    if decoded is None:
        message = "it is not the base64 that it should be"
        raise UnreadableUserDataError(message)
    return decoded


def _decoded(data: bytes, *, strict: bool) -> bytes | None:
    try:
        return base64.b64decode(b"".join(data.split()), validate=strict)
    except binascii.Error:
        return None


def _gunzipped(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(data, LARGEST + 1)
    except zlib.error:
        unpacked = None
    if unpacked is not None and len(unpacked) > LARGEST:
        raise _too_large()
    if unpacked is None or not unpacker.eof or unpacker.unused_data.strip(b"\0"):
        message = "its gzip is broken"
        raise UnreadableUserDataError(message)
    return unpacked


def _too_large() -> UnreadableUserDataError:
    return UnreadableUserDataError(f"it unpacks to more than {LARGEST} bytes")


def _text(data: bytes) -> str:
    if len(data) > LARGEST:
        raise _too_large()
    return _LINE_END.sub("\n", data.decode("utf-8-sig", "replace"))
