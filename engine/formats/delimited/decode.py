"""Which of the agreed character sets a file is written in: the first that fits every byte.

Strict and in order. A wrong guess would store other people's names, so a file that fits none is
refused whole. Fed in pieces; keeps nothing of the file but what an incremental decoder holds back.
"""

import codecs

from engine.core.fault import Category, refuse

_PACKED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf\x27\x1c")


class EncodingChoice:
    """Feed it all bytes of a file, then ask `chosen`."""

    def __init__(self, encodings: tuple[str, ...]) -> None:
        self._decoders = {name: codecs.getincrementaldecoder(name)("strict") for name in encodings}
        self._started = False

    def feed(self, data: bytes) -> None:
        """Take a piece. FaultError `file-compressed` when it is an archive, `bad-encoding`."""
        if not self._started and data:
            self._started = True
            if data.startswith(_PACKED):
                text = "archives are not unpacked; send the file as it is"
                raise refuse(Category.UNSUPPORTED, "file-compressed", text)
        self._decode(data, final=False)

    def chosen(self) -> str:
        """Return the character set. FaultError `bad-encoding` when none fits."""
        self._decode(b"", final=True)
        return next(iter(self._decoders))

    def _decode(self, data: bytes, *, final: bool) -> None:
        for name in list(self._decoders):
            try:
                self._decoders[name].decode(data, final)
            except UnicodeError:
                del self._decoders[name]
        if not self._decoders:
            text = "the file fits none of the character sets agreed for it"
            raise refuse(Category.INVALID, "bad-encoding", text)
