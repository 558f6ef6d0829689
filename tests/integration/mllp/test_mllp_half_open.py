"""A sender that vanishes without a word: a cable pulled, between two network namespaces."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from channels.mllp.connection import watch_peer
from channels.mllp.framing import wrap
from engine.plugin.memory import MemoryIntake

PEER_TIMEOUT_S = 4
SENDER = """
import socket, ssl, sys
connected = socket.create_connection(("{host}", {port}), timeout=10)
if "{ca}":
    context = ssl.create_default_context(cafile="{ca}")
    connected = context.wrap_socket(connected, server_hostname="{name}")
connected.sendall(bytes.fromhex("{frame}"))
print("sent", flush=True)
if "{wait}":
    connected.recv(1000)
    print("answered", flush=True)
sys.stdin.read()
"""


@dataclass
class Cable:
    """A namespace joined to ours by a pair of virtual interfaces."""

    namespace: str
    near: str
    host: str

    def plug(self, state: str) -> None:
        command("ip", "link", "set", self.near, state)


def command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=10)


@pytest.fixture
def cable() -> Iterator[Cable]:
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("needs root and the command ip to pull a cable")
    number = os.getpid() % 60
    made = Cable(f"concord-{os.getpid()}", f"cc{os.getpid()}", f"198.51.100.{number * 4 + 1}")
    far, far_host = f"cf{os.getpid()}", f"198.51.100.{number * 4 + 2}"
    try:
        command("ip", "netns", "add", made.namespace)
    except subprocess.CalledProcessError:
        pytest.skip("network namespaces are not allowed here")
    try:
        pair = ("type", "veth", "peer", "name", far, "netns", made.namespace)
        command("ip", "link", "add", made.near, *pair)
        command("ip", "addr", "add", f"{made.host}/30", "dev", made.near)
        made.plug("up")
        command("ip", "-n", made.namespace, "addr", "add", f"{far_host}/30", "dev", far)
        command("ip", "-n", made.namespace, "link", "set", far, "up")
        yield made
    finally:
        subprocess.run(["ip", "link", "del", made.near], check=False, capture_output=True)
        command("ip", "netns", "del", made.namespace)


async def send(
    cable: Cable, port: int, frame: bytes, wait: str, papers: Any = None
) -> asyncio.subprocess.Process:
    """Start a sender behind the cable; returns when it has sent, or was answered."""
    ca = name = ""
    if papers is not None:
        papers.authority.cert_pem.write_to_path(papers.folder / "ca.pem")
        ca, name = str(papers.folder / "ca.pem"), papers.name
    text = {"host": cable.host, "frame": frame.hex(), "wait": wait, "ca": ca, "name": name}
    code = SENDER.format(port=port, **text)
    words = ("netns", "exec", cable.namespace, sys.executable, "-c", code)
    pipe = asyncio.subprocess.PIPE
    sender = await asyncio.create_subprocess_exec("ip", *words, stdin=pipe, stdout=pipe)
    assert sender.stdout is not None
    async with asyncio.timeout(15):
        for _ in range(2 if wait else 1):
            assert await sender.stdout.readline()
    return sender


async def end(sender: asyncio.subprocess.Process) -> None:
    sender.kill()
    await sender.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("answer_under_way", [False, True], ids=["idle", "answering"])
def test_a_vanished_sender_is_noticed_and_may_come_back(
    serve: Any,
    cable: Cable,
    mllp_message: Callable[..., bytes],
    papers: Any,
    answer_under_way: bool,
    secured: bool,
) -> None:
    known = papers if secured else None

    async def run() -> None:
        intake = MemoryIntake(hold=answer_under_way)
        limits = {"peer_timeout_s": PEER_TIMEOUT_S, "max_connections": 1, "host": cable.host}
        limits |= {"tls": papers.tls()} if secured else {"insecure": True}
        async with serve(intake, **limits) as listener:
            port = int(listener.address.rpartition(":")[2])
            wait = "" if answer_under_way else "answer"
            sender = await send(cable, port, wrap(mllp_message(1)), wait, known)
            if answer_under_way:
                await intake.arrival()
            cable.plug("down")
            pulled = asyncio.get_running_loop().time()
            intake.release()
            assert listener.tally.connections == 1
            await listener.until(lambda: listener.tally.connections == 0)
            assert asyncio.get_running_loop().time() - pulled < PEER_TIMEOUT_S + 3
            assert listener.codes("peer-dropped") == ["peer-vanished"]
            await end(sender)
            cable.plug("up")
            await end(await send(cable, port, wrap(mllp_message(1)), "answer", known))
            assert listener.control_ids() == ["1", "1"]

    asyncio.run(run())


def test_the_options_say_when_a_peer_counts_as_gone() -> None:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        pytest.skip("this system has no TCP_USER_TIMEOUT")
    with socket.socket() as one:
        watch_peer(one, 25)

        def value(level: int, name: str) -> int:
            return one.getsockopt(level, getattr(socket, name))

        assert value(socket.SOL_SOCKET, "SO_KEEPALIVE") == 1
        assert value(socket.IPPROTO_TCP, "TCP_USER_TIMEOUT") == 25_000
        probes = value(socket.IPPROTO_TCP, "TCP_KEEPINTVL") * value(
            socket.IPPROTO_TCP, "TCP_KEEPCNT"
        )
        assert value(socket.IPPROTO_TCP, "TCP_KEEPIDLE") + probes <= 25
