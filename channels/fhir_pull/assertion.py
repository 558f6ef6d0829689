"""A signed statement of who we are: RFC 7523, SMART App Launch 2.2 "Backend Services".

The only module that imports joserfc. Each statement has a `jti` of its own and ends within the five
minutes SMART allows. The key is read anew for each: a renewed file is taken without a restart.
"""

import secrets
import warnings

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from engine.core.fault import Category, refuse

LIFE_S = 240
FORM = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEAST_BITS = 2048


def signing_key(pem: str, algorithm: str) -> RSAKey | ECKey:
    """Read a private key. FaultError `signing-key` when it is none that fits the algorithm."""
    kind = RSAKey if algorithm == "RS384" else ECKey
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own opinion of short keys; ours is below
            key = kind.import_key(pem)
    except (JoseError, ValueError, TypeError, KeyError):
        raise _unfit() from None
    size = key.raw_value.key_size if key.is_private else 0
    if size == 0 or (algorithm == "RS384" and size < _LEAST_BITS):
        raise _unfit()
    if algorithm == "ES384" and key.curve_name != "P-384":  # type: ignore[union-attr]
        raise _unfit()
    return key


def assertion(
    key: RSAKey | ECKey, algorithm: str, key_id: str, client_id: str, token_url: str, now_us: int
) -> str:
    """Return the statement for one request."""
    now_s = now_us // 1_000_000
    head = {"alg": algorithm, "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "jti": secrets.token_urlsafe(24),
        "iat": now_s,
        "exp": now_s + LIFE_S,
    }
    return jwt.encode(head, claims, key, algorithms=[algorithm])


def _unfit() -> Exception:
    text = (
        "the file holds no private key for this algorithm (RS384: RSA of 2048 bits, ES384: P-384)"
    )
    return refuse(Category.INVALID, "signing-key", text)
