"""Child processes that are kept alive until they are told to stop.

A server with several workers is a crew of equals; the embedded cluster is a crew of servers. The
parent holds no event loop and serves nothing: it forks, waits in poll(2), and forks again. What
it imported before is shared by all children.

Children whose place was given to others are elders: nobody starts them again, and once every post
is held by somebody who is ready they are asked to finish what they do and go.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from swiftlite.service.child import HEARD, CannotStart, Ready, Report, be_child

__all__ = ["CannotStart", "Crew", "Post", "Ready", "Report", "Review"]

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
PROVEN_S = 10.0  # a child that lived this long starts again at the first pause
LET_GO_S = 5.0  # how long children may take to say that they go on alone


class Lines(Protocol):
    """The part of a log that a crew needs."""

    def info(self, message: str, /) -> None: ...
    def warning(self, message: str, /) -> None: ...
    def error(self, message: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Post:
    """One place in a crew: work runs in the child, calls its argument once ready, and returns
    when the child shall end. It raises CannotStart before that if it cannot serve.

    again: a child that ends of its own accord is to be started again; else only a killed one.
    rest: seconds until one that ended without fault is started again, if it is not a fault to end.
    """

    name: str
    work: Callable[[Report], None]
    again: bool = True
    rest: float = 0.0


class Review(Protocol):
    """What a crew looks at beside its children. Called in the parent, between two waits."""

    def due(self) -> float | None:
        """When to be called again, monotonic; None: only when something happens."""
        ...

    def look(self, crew: Crew) -> None: ...


@dataclass(slots=True)
class _Child:
    """A running child. pipe is -1 once its end was read."""

    post: Post
    pid: int
    pipe: int
    started: float
    last_beat: float
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
    afterwards: posts that are filled once all others are ready, and that are told to stop before
        them; one that cannot start is no reason to stop.
    on_ready: called once, when every child has said that it is ready; on_stop, when told to stop.
    on_reload: called at SIGUSR1, which means nothing otherwise.
    lets_go: SIGHUP means to end at once and let the children finish their work alone; otherwise
        it means to stop, because a terminal has closed.
    elders: pids of children that a predecessor of this very process left.
    beat: seconds within which a child that is ready must give a sign of life, or be replaced.
    gave_up: a child that is not started again has ended with a fault.
    """

    posts: Sequence[Post]
    monotonic: Callable[[], float]
    log: Lines
    grace: float = 30.0
    on_ready: Callable[[], None] | None = None
    on_stop: Callable[[], None] | None = None
    on_reload: Callable[[], None] | None = None
    lets_go: bool = False
    elders: Sequence[int] = ()
    reviews: Sequence[Review] = ()
    beat: float | None = None
    afterwards: Sequence[Post] = ()
    gave_up: bool = field(default=False, init=False)
    _children: dict[int, _Child] = field(default_factory=dict)
    _elders: set[int] = field(default_factory=set)
    _vacancies: list[_Vacancy] = field(default_factory=list)
    _pauses: dict[str, float] = field(default_factory=dict)
    _told_ready: bool = False
    _gone: bool = False
    _kill_at: float | None = None
    _rest_at: float | None = None
    _orders: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Start everybody and stay until told to stop and everybody is gone.

        Raises CannotStart when a child cannot start the first time; the others are stopped then.
        """
        self._elders.update(self.elders)
        with _signals() as signal_pipe:
            gc.collect()
            gc.freeze()  # what is shared now stays shared: the collector will not write to it
            failure: CannotStart | None = None
            for post in self.posts:
                self._start(post)
            while not self._gone and (self._busy or not (self._stopping or self._finished)):
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

    def pids(self) -> list[int]:
        """Every child there is."""
        return [*self._children, *self._elders]

    def reassign(self, posts: Sequence[Post]) -> None:
        """From now on these are the posts. Posts are told apart by name."""
        wanted = {post.name for post in posts}
        present = {post.name for post in self.posts}
        self.posts = posts
        self._vacancies = [one for one in self._vacancies if one.post.name in wanted]
        for child in self._children.values():
            if child.post.name not in wanted and not child.stopping:
                child.stopping = True
                _kill(child.pid, signal.SIGHUP)
        for post in posts:
            if post.name not in present:
                self._start(post)

    @property
    def _stopping(self) -> bool:
        return self._kill_at is not None

    @property
    def _finished(self) -> bool:
        """Nobody is left, and nobody was to be started again."""
        everybody = (*self.posts, *self.afterwards)
        return not (self._vacancies or not everybody or any(post.again for post in everybody))

    @property
    def _busy(self) -> bool:
        return bool(self._children or self._elders)

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
        self._stop_rest()
        self._fill_vacancies()
        self._replace_silent()
        if not self._stopping:
            for review in self.reviews:
                review.look(self)
        if self._kill_at is not None and self.monotonic() >= self._kill_at:
            self._signal_all(signal.SIGKILL)

    def _patience_ms(self) -> float | None:
        moments = [vacancy.at for vacancy in self._vacancies]
        if self._kill_at is not None:
            moments.append(self._kill_at if self._rest_at is None else self._rest_at)
        else:
            moments.extend(due for review in self.reviews if (due := review.due()) is not None)
        if self.beat is not None:
            moments.append(self.monotonic() + self.beat / 2)
        if not moments:
            return None
        return max(0.0, min(moments) - self.monotonic()) * 1000 + 1

    def _start(self, post: Post) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        # Until a child has its own handlers, what it is told would be heard through our pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            for child in self._children.values():
                if child.pipe >= 0:
                    os.close(child.pipe)
            be_child(post.name, post.work, writing, parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        os.close(writing)
        os.set_blocking(reading, False)  # a child's child may keep the other end open
        now = self.monotonic()
        self._children[pid] = _Child(post, pid, reading, now, now)

    def _listen(self, child: _Child) -> None:
        """Read what a child reports: one line, and then its beats."""
        try:
            data = os.read(child.pipe, 4096)
        except BlockingIOError:
            return
        if not data:
            self._stop_listening(child)
        elif child.ready:
            child.last_beat = self.monotonic()
        else:
            child.heard += data
            if b"\n" in child.heard:
                self._take_line(child, child.heard.partition(b"\n")[0].decode())

    @staticmethod
    def _stop_listening(child: _Child) -> None:
        if child.pipe >= 0:
            os.close(child.pipe)
            child.pipe = -1

    def _take_line(self, child: _Child, line: str) -> None:
        if line == "ready":
            child.ready = True
            child.last_beat = self.monotonic()
            self._tell_ready()
        elif line.startswith("failed "):
            child.heard = b""
            sentence = line.removeprefix("failed ")
            if not self._told_ready and not self._stopping and not self._elders:
                raise CannotStart(sentence)
            self.log.error(f"{child.post.name} cannot start: {sentence}")

    def _tell_ready(self) -> None:
        if self._told_ready or self._vacancies or self._stopping:
            return
        if all(child.ready for child in self._children.values()):
            self._told_ready = True
            for pid in self._elders:
                _kill(pid, signal.SIGHUP)
            if self.on_ready is not None:
                self.on_ready()
            for post in self.afterwards:
                self._start(post)

    def _obey(self) -> None:
        """Act on signals that arrived."""
        orders, self._orders = self._orders, []
        for order in orders:
            if order == signal.SIGUSR1:
                if self.on_reload is not None and not self._stopping:
                    self.on_reload()
            elif order == signal.SIGHUP and self.lets_go and not self._stopping:
                self._let_go()
            elif order == signal.SIGCHLD or (order == signal.SIGHUP and self._stopping):
                continue
            elif self._stopping:
                self._signal_all(signal.SIGKILL)  # told twice: no more grace
            else:
                self._stop()

    def _let_go(self) -> None:
        """Ask everybody to finish alone, and wait until each has said that it does."""
        if self.on_stop is not None:
            self.on_stop()
        self._signal_all(signal.SIGHUP)
        until = self.monotonic() + LET_GO_S
        for child in self._children.values():
            while child.pipe >= 0 and (rest := until - self.monotonic()) > 0:
                poll = select.poll()
                poll.register(child.pipe, select.POLLIN)
                if poll.poll(rest * 1000):
                    self._listen(child)
        self._gone = True

    def _stop(self) -> None:
        self._kill_at = self.monotonic() + self.grace
        if self.on_stop is not None:
            self.on_stop()
        self._vacancies.clear()
        for child in self._late_children():
            child.stopping = True
            _kill(child.pid, signal.SIGTERM)
        self._rest_at = self.monotonic() + self.grace / 2
        self._stop_rest()

    def _stop_rest(self) -> None:
        """Once those that came afterwards are gone, or have had half of the time."""
        if self._rest_at is None or (self._late_children() and self.monotonic() < self._rest_at):
            return
        self._rest_at = None
        self._signal_all(signal.SIGTERM)

    def _late_children(self) -> list[_Child]:
        return [child for child in self._children.values() if child.post in self.afterwards]

    def _signal_all(self, number: int) -> None:
        for child in self._children.values():
            child.stopping = True
        for pid in self.pids():
            _kill(pid, number)

    def _reap(self) -> None:
        """Collect the dead; their posts become vacant unless they were told to go."""
        for pid in list(self._elders):
            if _ended(pid) is not None:
                self._elders.remove(pid)
        for pid in list(self._children):
            status = _ended(pid)
            if status is None:
                continue
            child = self._children[pid]
            if child.pipe >= 0:
                self._listen(child)  # its last words, if any; a line fits into one read
            self._stop_listening(child)
            del self._children[pid]
            again = child.post.again or os.WIFSIGNALED(status)
            if child.stopping or self._stopping:
                continue
            if again:
                self._vacate(child, status)
            else:
                self.gave_up = self.gave_up or status != 0

    def _vacate(self, child: _Child, status: int) -> None:
        now = self.monotonic()
        name = child.post.name
        if status == 0 and child.post.rest:
            self._pauses.pop(name, None)
            self._vacancies.append(_Vacancy(child.post, now + child.post.rest, child.post.rest))
            return
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

    def _replace_silent(self) -> None:
        """A child that gives no sign of life is killed; its post is then vacant as any other."""
        if self.beat is None or self._stopping:
            return
        now = self.monotonic()
        for child in self._children.values():
            if child.ready and child.pipe >= 0 and now - child.last_beat > self.beat:
                child.last_beat = now
                self.log.error(
                    f"{child.post.name} (pid {child.pid}) has given no sign of life for "
                    f"{self.beat:.0f} s and is killed"
                )
                _kill(child.pid, signal.SIGKILL)


def _ended(pid: int) -> int | None:
    """How a child ended; None while it runs."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return status if found else None


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
    old = {number: signal.signal(number, lambda *_: None) for number in HEARD}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)  # a predecessor may have blocked them
    try:
        yield reading
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_wakeup)
        os.close(reading)
        os.close(writing)
