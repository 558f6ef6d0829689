"""Opens one SQLite file the way Concord needs it.

The library must be one without the WAL-reset bug (sqlite.org/wal.html, fixed in 3.51.3). The key is
raw, because deriving one from a passphrase costs a quarter of a second at every open;
`synchronous=FULL` makes a commit mean that the bytes are on the disk. What moves the write-ahead
log into the file is `engine.database.wal`, not the commit.
"""

from pathlib import Path

import sqlcipher3.dbapi2 as driver

from engine.core.fault import Category, refuse
from engine.database.fault import translate

_FIRST_SOUND = (3, 51, 3)
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"}


def connect(path: Path, key: bytes | None, *, cache_mb: int, page_bytes: int) -> driver.Connection:
    """Open `path` in WAL mode, creating it if missing. FaultError when it cannot be trusted.

    `key` is 32 raw bytes, or None for a plain file. `page_bytes` has to be what the file was made
    with: large pages suit what is appended, small ones what is written all over.
    """
    if driver.sqlite_version_info < _FIRST_SOUND:
        raise refuse(
            Category.UNAVAILABLE,
            "sqlite-unsound",
            f"SQLite {driver.sqlite_version} can lose commits",
        )
    _refuse_network(path)
    # Without an adapter each value of bytes is searched for one, for a microsecond.
    driver.register_adapter(bytes, bytearray)
    connection = driver.connect(str(path), isolation_level=None, check_same_thread=False)
    try:
        _configure(connection, key, cache_mb, page_bytes)
    except driver.Error as error:
        connection.close()
        raise translate(error) or error from error
    return connection


def _configure(
    connection: driver.Connection, key: bytes | None, cache_mb: int, page_bytes: int
) -> None:
    if key is not None:
        connection.execute("PRAGMA cipher_log_level = NONE")  # it writes to standard error
        connection.execute("PRAGMA cipher_memory_security = OFF")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute(
            "PRAGMA cipher_hmac_algorithm = HMAC_SHA256"
        )  # has instructions of its own
        connection.execute(f"PRAGMA cipher_page_size = {page_bytes}")
    else:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA cache_size = {-1024 * cache_mb}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _refuse_network(path: Path) -> None:
    """SQLite's locks do not hold on network file systems (sqlite.org/wal.html, section 1)."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    here = str(path.parent.resolve())
    best = ("", "")
    for line in mounts.read_text(encoding="utf-8").splitlines():
        _, point, kind, *_ = line.split(" ")
        inside = here == point or here.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    if best[1] in _NETWORK:
        raise refuse(
            Category.UNAVAILABLE, "network-file-system", f"the data folder lies on {best[1]}"
        )
