"""Whether an event comes from whom it says: `X-Hub-Signature: sha256=<hex>` over the body.

W3C WebSub, 8, Authenticated Content Distribution: HMAC (RFC 2104) with a secret agreed on. SHA-1 is
not taken.
"""

import hmac
from collections.abc import Sequence

_METHODS = ("sha256", "sha384", "sha512")


def is_signed(secret: bytes, body: bytes, signatures: Sequence[str]) -> bool:
    """Tell whether the one signature is right; without a secret none is."""
    if not secret or len(signatures) != 1:
        return False
    method, _, given = signatures[0].strip().partition("=")
    if method.lower() not in _METHODS:
        return False
    mine = hmac.new(secret, body, method.lower()).hexdigest()
    return hmac.compare_digest(mine.encode(), given.strip().lower().encode())
