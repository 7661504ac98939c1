"""Child processes that are kept alive until they are told to stop.

A server with several workers is a crew of equals; the embedded cluster is a crew of servers. The
parent holds no event loop and serves nothing: it forks, waits in poll(2), and forks again. What
it imported before is shared by all children.

A child reports on a pipe: one line `ready`, or one line `failed <sentence>` when it cannot start.
It dies with its parent, whatever kills the parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from swiftlite.vocab.errors import SwiftliteError

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
PROVEN_S = 10.0  # a child that lived this long starts again at the first pause
_PR_SET_PDEATHSIG = 1
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class CannotStart(SwiftliteError):
    """A server cannot start as it was told to; the message is a sentence for the operator."""


class Lines(Protocol):
    """The part of a log that a crew needs."""

    def info(self, message: str, /) -> None: ...
    def warning(self, message: str, /) -> None: ...
    def error(self, message: str, /) -> None: ...


Ready = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Post:
    """One place in a crew: work runs in the child, calls its argument once ready, and returns
    when the child shall end. It raises CannotStart before that if it cannot serve.

    again: a child that ends without fault is to be started again all the same."""

    name: str
    work: Callable[[Ready], None]
    again: bool = True


@dataclass(slots=True)
class _Child:
    """A running child. pipe is -1 once its first line, or its end, was read."""

    post: Post
    pid: int
    pipe: int
    started: float
    heard: bytes = b""
    ready: bool = False
    stopping: bool = False


@dataclass(slots=True)
class _Vacancy:
    """A post whose child died: who is to be started again, when, after which pause."""

    post: Post
    at: float
    pause: float


@dataclass(slots=True)
class Crew:
    """Keeps one child for each post.

    monotonic: seconds. grace: how long children may take to stop before they are killed.
    on_ready: called once, when every child has said that it is ready; on_stop, when told to stop.
    reload: SIGHUP starts a second child for each post, and stops the first when that is ready;
        otherwise it means to stop, because a terminal has closed.
    """

    posts: Sequence[Post]
    monotonic: Callable[[], float]
    log: Lines
    grace: float = 30.0
    on_ready: Callable[[], None] | None = None
    on_stop: Callable[[], None] | None = None
    reload: bool = False
    _children: dict[int, _Child] = field(default_factory=dict)
    _vacancies: list[_Vacancy] = field(default_factory=list)
    _pauses: dict[str, float] = field(default_factory=dict)
    _told_ready: bool = False
    _kill_at: float | None = None
    _orders: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Start everybody and stay until told to stop and everybody is gone.

        Raises CannotStart when a child cannot start the first time; the others are stopped then.
        """
        with _signals() as signal_pipe:
            gc.collect()
            gc.freeze()  # what is shared now stays shared: the collector will not write to it
            failure: CannotStart | None = None
            for post in self.posts:
                self._start(post)
            while self._children or (self._vacancies and not self._stopping):
                try:
                    self._turn(signal_pipe)
                except CannotStart as error:
                    failure = failure or error
                    self._stop()
            gc.unfreeze()
        if failure is not None:
            raise failure

    def pid_of(self, name: str) -> int | None:
        """The process that holds a post now."""
        for child in self._children.values():
            if child.post.name == name and not child.stopping:
                return child.pid
        return None

    @property
    def _stopping(self) -> bool:
        return self._kill_at is not None

    def _turn(self, signal_pipe: int) -> None:
        """Wait for the next thing that happens and act on it."""
        poll = select.poll()
        poll.register(signal_pipe, select.POLLIN)
        by_pipe = {child.pipe: child for child in self._children.values() if child.pipe >= 0}
        for pipe in by_pipe:
            poll.register(pipe, select.POLLIN)
        for descriptor, _ in poll.poll(self._patience_ms()):
            if descriptor == signal_pipe:
                self._orders.extend(os.read(signal_pipe, 4096))
            else:
                self._listen(by_pipe[descriptor])
        self._obey()
        self._reap()
        self._fill_vacancies()
        if self._kill_at is not None and self.monotonic() >= self._kill_at:
            self._signal_all(signal.SIGKILL)

    def _patience_ms(self) -> float | None:
        moments = [vacancy.at for vacancy in self._vacancies]
        if self._kill_at is not None:
            moments.append(self._kill_at)
        if not moments:
            return None
        return max(0.0, min(moments) - self.monotonic()) * 1000 + 1

    def _start(self, post: Post) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            for child in self._children.values():
                if child.pipe >= 0:
                    os.close(child.pipe)
            _be_child(post, writing, parent)
        os.close(writing)
        self._children[pid] = _Child(post, pid, reading, self.monotonic())

    def _listen(self, child: _Child) -> None:
        """Read what a child reports."""
        data = os.read(child.pipe, 4096)
        child.heard += data
        if data and b"\n" not in child.heard:
            return
        os.close(child.pipe)
        child.pipe = -1
        line = child.heard.partition(b"\n")[0].decode()
        if line == "ready":
            child.ready = True
            self._relieve(child)
            self._tell_ready()
        elif line.startswith("failed "):
            sentence = line.removeprefix("failed ")
            if not self._told_ready and not self._stopping:
                raise CannotStart(sentence)
            self.log.error(f"{child.post.name} cannot start: {sentence}")

    def _relieve(self, fresh: _Child) -> None:
        """After a reload: stop the child whose post a fresh one has taken."""
        for child in self._children.values():
            if child.post is fresh.post and child.pid != fresh.pid and not child.stopping:
                child.stopping = True
                _kill(child.pid, signal.SIGTERM)

    def _tell_ready(self) -> None:
        if self._told_ready or self._vacancies or self._stopping:
            return
        if all(child.ready for child in self._children.values()):
            self._told_ready = True
            if self.on_ready is not None:
                self.on_ready()

    def _obey(self) -> None:
        """Act on signals that arrived."""
        orders, self._orders = self._orders, []
        for order in orders:
            if order == signal.SIGCHLD:
                continue
            if order == signal.SIGHUP and self.reload:
                self._replace_all()
            elif self._stopping and order != signal.SIGHUP:
                self._signal_all(signal.SIGKILL)  # told twice: no more grace
            elif not self._stopping:
                self._stop()

    def _replace_all(self) -> None:
        if self._stopping:
            return
        self.log.info("reloading: new workers start, the present ones finish their work")
        for post in self.posts:
            self._start(post)

    def _stop(self) -> None:
        self._kill_at = self.monotonic() + self.grace
        if self.on_stop is not None:
            self.on_stop()
        self._vacancies.clear()
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: int) -> None:
        for child in self._children.values():
            child.stopping = True
            _kill(child.pid, number)

    def _reap(self) -> None:
        """Collect the dead; their posts become vacant unless they were told to go."""
        for pid in list(self._children):
            try:
                found, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                found, status = pid, 0
            if not found:
                continue
            child = self._children[pid]
            while child.pipe >= 0:
                self._listen(child)
            del self._children[pid]
            if not child.stopping and not self._stopping and (status or child.post.again):
                self._vacate(child, status)

    def _vacate(self, child: _Child, status: int) -> None:
        now = self.monotonic()
        name = child.post.name
        proven = child.ready and now - child.started >= PROVEN_S
        pause = FIRST_PAUSE_S if proven else self._pauses.get(name, FIRST_PAUSE_S)
        self._pauses[name] = min(pause * 2, LONGEST_PAUSE_S)
        self.log.warning(
            f"{name} (pid {child.pid}) {_end_of(status)}; starting it again in {pause:.1f} s"
        )
        self._vacancies.append(_Vacancy(child.post, now + pause, pause))

    def _fill_vacancies(self) -> None:
        now = self.monotonic()
        due = [vacancy for vacancy in self._vacancies if vacancy.at <= now]
        for vacancy in due:
            self._vacancies.remove(vacancy)
            self._start(vacancy.post)


def _be_child(post: Post, pipe: int, parent: int) -> NoReturn:
    """The child's whole life. Leaves by _exit: what the parent registered is not the child's."""
    code = 1
    report = _Report(pipe)
    try:
        for number in _HEARD:
            signal.signal(number, signal.SIG_DFL)
        # Ctrl-C, and a terminal that closes, reach the whole process group; the parent decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        die_with_parent(parent)
        post.work(lambda: report.send("ready"))
        code = 0
    except CannotStart as error:
        report.send(f"failed {error}")
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
        report.send(f"failed {post.name}: {_last_line(sys.exc_info()[1])}")
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _last_line(error: BaseException | None) -> str:
    return "".join(traceback.format_exception_only(error)).strip().replace("\n", " ")


class _Report:
    """A child's one line to its parent; whatever it says later is nobody's business."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def send(self, line: str) -> None:
        if self._pipe < 0:
            return
        pipe, self._pipe = self._pipe, -1
        with contextlib.suppress(OSError):  # the parent may be gone
            os.write(pipe, line.replace("\n", " ").encode()[:4000] + b"\n")
        os.close(pipe)


def die_with_parent(parent: int) -> None:
    """Ask the kernel for a SIGTERM when the parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _end_of(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with status {code}"


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """A descriptor that gives one byte, its number, for each signal a crew listens to."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    old_wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    old = {number: signal.signal(number, lambda *_: None) for number in _HEARD}
    try:
        yield reading
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_wakeup)
        os.close(reading)
        os.close(writing)
