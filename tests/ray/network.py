"""Machines on one machine: network namespaces on a bridge, which is in a namespace of its own.

Nothing that runs in them can be reached from, or reaches, anything else. Needs root and `ip`.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_OUTSIDE = "outside"  # where clients are, and the bridge
_C = ctypes.CDLL(None, use_errno=True)


def why_not() -> str | None:
    """What is missing for namespaces, if anything."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need ip (iproute2)"
    tried = subprocess.run(["ip", "netns", "add", _name("try")], capture_output=True, text=True)
    if tried.returncode:
        return f"there are no network namespaces: {tried.stderr.strip()}"
    ip("netns", "del", _name("try"))
    return None


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _name(machine: str) -> str:
    return f"unrolled-{os.getpid()}-{machine}"


class Network:
    """Machines by name, with an address each: the n-th has 10.77.0.n. `outside` has 10.77.0.254."""

    def __init__(self, *machines: str) -> None:
        self.addresses = {name: f"10.77.0.{n}" for n, name in enumerate(machines, 1)}

    def __enter__(self) -> "Network":
        bridge = ("-n", _name(_OUTSIDE), "link")
        ip("netns", "add", _name(_OUTSIDE))
        ip(*bridge, "add", "lan", "type", "bridge")
        ip("-n", _name(_OUTSIDE), "addr", "add", "10.77.0.254/24", "dev", "lan")
        for link in ("lan", "lo"):
            ip(*bridge, "set", link, "up")
        for machine, address in self.addresses.items():
            there = ("-n", _name(machine))
            ip("netns", "add", _name(machine))
            ip(*bridge, "add", machine, "type", "veth", "peer", "eth0", "netns", _name(machine))
            ip(*bridge, "set", machine, "master", "lan", "up")
            ip(*there, "addr", "add", f"{address}/24", "dev", "eth0")
            for link in ("eth0", "lo"):
                ip(*there, "link", "set", link, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for machine in (*self.addresses, _OUTSIDE):
            self.kill(machine)
            ip("netns", "del", _name(machine))

    def cut_off(self, machine: str) -> None:
        """Unplug its cable; nobody is told."""
        ip("-n", _name(_OUTSIDE), "link", "set", machine, "down")

    def reconnect(self, machine: str) -> None:
        ip("-n", _name(_OUTSIDE), "link", "set", machine, "up")

    def pids(self, machine: str) -> set[int]:
        """Processes that run on it, but for this one."""
        listed = subprocess.run(
            ["ip", "netns", "pids", _name(machine)], check=True, capture_output=True, text=True
        )
        return {int(pid) for pid in listed.stdout.split()} - {os.getpid()}

    def kill(self, machine: str) -> None:
        """As a machine that loses its power: all that runs on it, at once."""
        deadline = time.monotonic() + 30
        while (pids := self.pids(machine)) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    @contextlib.contextmanager
    def on(self, machine: str = _OUTSIDE) -> Iterator[None]:
        """This thread, what it starts and the sockets that it opens are there."""
        with (
            open("/proc/thread-self/ns/net") as before,
            open(f"/run/netns/{_name(machine)}") as there,
        ):
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())


def _enter(namespace: int) -> None:
    if _C.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
