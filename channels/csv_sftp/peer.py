"""A connection to an SFTP server: the only owner of asyncssh.

The server's key has to be in the file of known hosts, ours is the only way to log in: no password,
no agent, no configuration of the host's user, no algorithm on SHA-1.
"""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncssh

from channels.csv_sftp.settings import Sftp
from engine.core.fault import Category, Fault, FaultError

UNREACHABLE = Fault(Category.UNAVAILABLE, "sftp-unreachable", "the server cannot be reached")
_CHANGED = Fault(Category.FORBIDDEN, "host-key-changed", "the server shows another key than known")
_UNKNOWN = Fault(Category.FORBIDDEN, "host-key-unknown", "the server is not among the known hosts")
_DENIED = Fault(Category.FORBIDDEN, "login-refused", "the server does not accept our key")
_NO_KEY = Fault(Category.UNAVAILABLE, "key-unreadable", "the private key cannot be read")
_CLOSE_S = 5.0
_EXPOSED = Fault(
    Category.FORBIDDEN, "secret-exposed", "others may read this secret: allow its owner alone"
)
_SHA1 = b"ssh-rsa"  # signatures of RSA keys over SHA-1; rsa-sha2-256 and -512 stay
Refused = Callable[[str, str], None]  # known fingerprints, offered fingerprint


@dataclass(frozen=True, slots=True)
class _Known:
    """What the file of known hosts says of a server."""

    fingerprints: str
    algorithms: list[str]


class _Client(asyncssh.SSHClient):
    """Asked only for a key that is not known; remembers its fingerprint and says no."""

    def __init__(self) -> None:
        self.offered = ""

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.offered = key.get_fingerprint("sha256")
        return False


@asynccontextmanager
async def connected(peer: Sftp, refused: Refused) -> AsyncIterator[asyncssh.SFTPClient]:
    """Log in for a while. `refused` is told the known and the offered fingerprint of a changed key.

    FaultError: forbidden `host-key-changed`, `host-key-unknown`, `login-refused`; unavailable.
    """
    known = await asyncio.to_thread(_known, peer)
    key = await asyncio.to_thread(_private_key, peer)
    client = _Client()
    try:
        async with asyncio.timeout(peer.timeout_s):
            connection = await _connect(peer, key, known.algorithms, client)
    except asyncssh.HostKeyNotVerifiable as error:
        refused(known.fingerprints, client.offered)
        raise FaultError(_CHANGED) from error
    except asyncssh.PermissionDenied as error:
        raise FaultError(_DENIED) from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise FaultError(UNREACHABLE) from error
    try:
        yield await _files(connection, peer.timeout_s)
    finally:
        # Every answer that matters has been waited for; a dead server must not be waited for.
        connection.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await connection.wait_closed()


async def _files(connection: asyncssh.SSHClientConnection, timeout_s: float) -> asyncssh.SFTPClient:
    try:
        async with asyncio.timeout(timeout_s):
            return await connection.start_sftp_client()
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise FaultError(UNREACHABLE) from error


async def _connect(
    peer: Sftp, key: asyncssh.SSHKey, algorithms: list[str], client: asyncssh.SSHClient
) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        peer.host,
        peer.port,
        username=peer.user,
        client_keys=[key],
        known_hosts=str(peer.known_hosts),
        client_factory=lambda: client,
        server_host_key_algs=algorithms,
        signature_algs="-ssh-rsa",
        kex_algs="-*sha1*",
        mac_algs="-*sha1*",
        preferred_auth="publickey",
        password=None,
        agent_path=None,
        config=[],
        keepalive_interval=peer.timeout_s,
        keepalive_count_max=2,
    )


def _private_key(peer: Sftp) -> asyncssh.SSHKey:
    try:
        if peer.key_file.stat().st_mode & stat.S_IRWXO:
            raise FaultError(_EXPOSED)
        return asyncssh.read_private_key(str(peer.key_file))
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise FaultError(_NO_KEY) from error


def _known(peer: Sftp) -> _Known:
    try:
        keys = asyncssh.match_known_hosts(str(peer.known_hosts), peer.host, "", peer.port)[0]
    except (OSError, ValueError, asyncssh.KeyImportError) as error:
        raise FaultError(_UNKNOWN) from error
    if not keys:
        raise FaultError(_UNKNOWN)
    algorithms = [name.decode() for key in keys for name in key.sig_algorithms if name != _SHA1]
    fingerprints = ",".join(key.get_fingerprint("sha256") for key in keys)
    return _Known(fingerprints, list(dict.fromkeys(algorithms)))
