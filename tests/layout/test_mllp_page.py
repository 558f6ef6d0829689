"""Every code the TLS parts can say is explained where people look for it."""

import re
from pathlib import Path

SOURCES = ("channels/secured.py", "channels/tls.py", "channels/tls_watch.py")
CODE = re.compile(r'"([a-z]+(?:-[a-z0-9]+)+)"')


def test_every_code_is_on_the_page(root: Path) -> None:
    page = (root / "docs" / "mllp.md").read_text("utf-8")
    codes = {code for name in SOURCES for code in CODE.findall((root / name).read_text("utf-8"))}
    assert len(codes) > 15
    assert sorted(code for code in codes if f"`{code}`" not in page) == []
