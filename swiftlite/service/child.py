"""A forked child's life: what it hears, how it reports to its parent, and that it dies with it.

Reports go through a pipe: the line `ready`, or `failed <sentence>` when it cannot start, and after
`ready` a dot for each beat of its heart, where somebody watches. The end of the pipe is the end of
the child, or its word that it goes on without its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from swiftlite.vocab.errors import SwiftliteError

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)
"""Signals that a parent acts on."""
_PR_SET_PDEATHSIG = 1
_PR_GET_PDEATHSIG = 2


class CannotStart(SwiftliteError):
    """A server cannot start as it was told to; the message is a sentence for the operator."""


Ready = Callable[[], None]


class Report:
    """A child's end of the pipe. Calling it says `ready`."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._begun = False
        os.set_blocking(pipe, False)  # a parent that hangs must not hang its children

    def __call__(self) -> None:
        self._line("ready")

    def fail(self, sentence: str) -> None:
        """Why it cannot start; nothing if it has been ready."""
        self._line("failed " + sentence.replace("\n", " ")[:4000])

    def beat(self) -> None:
        """A sign of life."""
        with contextlib.suppress(OSError):  # the parent may be gone, or another one by now
            os.write(self._pipe, b".")

    def let_go(self) -> None:
        """From now on the parent may end without ending this child."""
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _line(self, line: str) -> None:
        if self._begun:
            return
        self._begun = True
        with contextlib.suppress(OSError):
            os.write(self._pipe, line.encode() + b"\n")


def be_child(name: str, work: Callable[[Report], None], pipe: int, parent: int) -> NoReturn:
    """The child's whole life. Leaves by _exit: what the parent registered is not the child's."""
    code = 1
    report = Report(pipe)
    try:
        for number in HEARD:
            signal.signal(number, signal.SIG_DFL)
        # Ctrl-C, and a terminal that closes, reach the whole process group; the parent decides.
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)  # blocked by whoever forked us
        die_with_parent(parent)
        work(report)
        code = 0
    except CannotStart as error:
        report.fail(str(error))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
        report.fail(f"{name}: {_last_line(sys.exc_info()[1])}")
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def die_with_parent(parent: int) -> None:
    """Ask the kernel for a SIGTERM when the parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def keep_death_signal(become: Callable[[], None]) -> None:
    """Call what changes this process's user, at which the kernel forgets the death signal."""
    parent, found = os.getppid(), ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_PDEATHSIG, ctypes.byref(found), 0, 0, 0)
    become()
    if found.value:
        die_with_parent(parent)


def _last_line(error: BaseException | None) -> str:
    return "".join(traceback.format_exception_only(error)).strip().replace("\n", " ")
