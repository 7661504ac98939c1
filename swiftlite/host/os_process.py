"""The operating system's process calls."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import pwd
import resource
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "ppc64le": 273, "s390x": 282, "riscv64": 30}
_IOPRIO_WHO_PROCESS = 1
_PR_SET_DUMPABLE = 4
_IOPRIO_CLASS = {"none": 0, "realtime": 1, "best-effort": 2, "idle": 3}

# mallopt's parameters (malloc.h) and what we set them to. By default glibc maps and unmaps every
# block above 128 KiB: 350-740 page faults for one erasure-coded segment, a fifteenth of the speed.
# And it gives each thread a heap of its own; what SQLite's connections hold is then spread over
# all of them, in holes that never fit: 111 MiB, growing for hours, where one heap stays at 75.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_ALLOCATOR = (
    (_M_ARENA_MAX, 1),
    (_M_MMAP_THRESHOLD, 64 << 20),
    (_M_TRIM_THRESHOLD, 256 << 20),
    (_M_TOP_PAD, 16 << 20),
)


class OsProcess:
    """host.process.Process."""

    @property
    def pid(self) -> int:
        return os.getpid()

    @property
    def parent_pid(self) -> int:
        return os.getppid()

    @property
    def place(self) -> str:
        return _place_of(os.geteuid())

    def alive(self, pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def set_nice(self, niceness: int) -> None:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)

    def set_ionice(self, io_class: str, priority: int = 0) -> None:
        number = _IOPRIO_SET.get(platform.machine())
        if number is None:
            raise OSError(38, f"no ioprio_set known for {platform.machine()}")
        libc = ctypes.CDLL(None, use_errno=True)
        value = _IOPRIO_CLASS[io_class] << 13 | priority
        if libc.syscall(number, _IOPRIO_WHO_PROCESS, 0, value) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def wait_for_a_processor(self) -> None:
        with suppress(OSError):
            if os.sched_getscheduler(0) == os.SCHED_OTHER:
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    def raise_limits(self) -> None:
        for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
            soft, hard = resource.getrlimit(kind)
            if soft != hard:
                resource.setrlimit(kind, (hard, hard))

    def drop_privileges(self, user: str) -> None:
        entry = pwd.getpwnam(user)
        if os.geteuid() == 0:
            os.setgroups(os.getgrouplist(user, entry.pw_gid))
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            # A change of user makes the kernel hide us from our own kind: no lent descriptors.
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        elif os.geteuid() != entry.pw_uid:
            raise PermissionError(f"only root may become {user}")
        os.umask(0o022)

    def tune_allocator(self) -> None:
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except (OSError, AttributeError):  # not glibc
            return
        for parameter, value in _ALLOCATOR:
            mallopt(parameter, value)


@lru_cache(maxsize=4)
def _place_of(user_id: int) -> str:
    try:
        parts = [Path("/proc/sys/kernel/random/boot_id").read_text(), str(user_id)]
        parts += [os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "net", "pid", "user")]
    except OSError:
        return ""
    return hashlib.md5(" ".join(parts).encode(), usedforsecurity=False).hexdigest()
