"""The parts of the machine that a run has for itself. scripts/chaos starts the driver in namespaces of its own where
that is allowed: then its mounts, ports and processes are gone with it, however it ends."""
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chaos.process import child_setup

IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS = 1, 0x8913, 0x8914
MS_BIND = 4096
_kept: list[tuple[subprocess.Popen[bytes], int]] = []  # until the process ends
_ports = iter(range(20000 + os.getpid() % 97 * 100, 32700))


NAMESPACES = ("unshare", "--mount", "--pid", "--ipc", "--net", "--fork", "--kill-child", "--mount-proc")
REAPING_SHELL = '"$@"; exit $?'  # the first process of a PID namespace has to wait for every orphan


def own() -> bool:
    """Are the namespaces of this process its run's own?"""
    return os.environ.get("CHAOS_NAMESPACES") == "own"


def why_not() -> str | None:
    """Why this machine gives a run no namespaces of its own; None when it does."""
    if own():
        return None
    if os.environ.get("CHAOS_NAMESPACES") == "none":
        return "CHAOS_NAMESPACES=none"
    if os.geteuid() != 0:
        return "only root may make them here"
    try:
        tried = subprocess.run([*NAMESPACES, "/bin/sh", "-c", "mount -t tmpfs none /srv"], capture_output=True,
                               text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if tried.returncode == 0 else tried.stderr.strip()


def command(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command and its environment, in namespaces of its own if the machine allows that."""
    env = {**os.environ, "CHAOS_NAMESPACES": "none"}
    if own() or why_not():
        return list(argv), env | ({"CHAOS_NAMESPACES": "own"} if own() else {})
    return [*NAMESPACES, "/bin/sh", "-c", REAPING_SHELL, "chaos", *argv], env | {"CHAOS_NAMESPACES": "own"}


def run_again(module: str, argv: Sequence[str]) -> int:
    """Runs python3 -m MODULE ARGV in namespaces of its own if the machine allows that, and returns its exit code. The
    child dies with this process, and all that it has started dies with the child."""
    argv, env = command([sys.executable, "-m", module, *argv])
    child = subprocess.Popen(argv, env=env, preexec_fn=child_setup(None, signal.SIGKILL))
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child has it too, and ends by itself
            continue


def begin() -> None:
    """Brings up the loopback device of a network namespace, which begins down. Covers /dev/shm, where a killed process
    leaves the segments of libfaketime."""
    if own():
        mount_tmpfs(Path("/dev/shm"), 64, "1777")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            request = struct.pack("16sH14x", b"lo", 0)
            flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def free_port() -> int:
    """Below the range that the kernel takes ports of clients from, and never the same twice."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port below 32700 is free")


def mount_tmpfs(folder: Path, size_mib: int, mode: str = "0755") -> bool:
    """False when it is not allowed, or when the mount would be everybody's."""
    folder.mkdir(parents=True, exist_ok=True)
    if not own():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={size_mib}m,mode={mode}".encode()
    return libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options) == 0


def bind(path: Path, over: Path) -> None:
    """Shows the file in the place of another one, in this mount namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(path), os.fsencode(over), None, MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"{path} cannot be bound over {over}")


def make_folder() -> Path:
    """The run's folder, in memory where there is room, and where the user postgres may go. In a mount namespace of its
    own a run covers /srv, which every Debian has: nothing is left of that, not even after SIGKILL."""
    if own():
        if not mount_tmpfs(Path("/srv"), 2048):
            raise OSError("no tmpfs can be mounted on /srv, though the mount namespace is the run's own")
        return Path("/srv")
    roomy = os.access("/dev/shm", os.W_OK | os.X_OK) and shutil.disk_usage("/dev/shm").free >> 30 >= 2
    folder = Path(tempfile.mkdtemp(prefix="ordersd-chaos-", dir="/dev/shm" if roomy else "/tmp"))
    folder.chmod(0o755)
    _remove_at_end(folder)
    return folder


# What the kernel kills with the driver are its children. Backends that a fault has stopped are not, and do not notice
# that their server has ended: they are known by their working folder. So is the memory of a server, by its pid file.
REMOVER = r"""
cat >/dev/null
sleep 0.5
for file in "$0"/*/data/cluster/postmaster.pid; do ipcrm -m "$(sed -n '7s/.* //p' "$file")"; done
for i in 1 2 3 4 5 6 7 8 9 10; do
  for pid in $(find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$0/*" | cut -d/ -f3); do
    case $(readlink /proc/$pid/cwd) in "$0"/*) kill -KILL "$pid" ;; esac
  done
  rm -rf "$0" && exit
  sleep 1
done
"""


def _remove_at_end(folder: Path) -> None:
    """A child that outlives the driver: it reads until the driver, the only writer, is gone, and removes the folder."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    remover = subprocess.Popen(["/bin/sh", "-c", REMOVER, str(folder)], stdin=reader, stderr=subprocess.DEVNULL,
                               start_new_session=True, cwd="/")
    os.close(reader)
    _kept.append((remover, writer))
