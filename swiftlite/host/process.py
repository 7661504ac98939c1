"""What a process may do to itself, and ask about others. `os_process` does it."""

from __future__ import annotations

from typing import Protocol


class Process(Protocol):
    @property
    def pid(self) -> int: ...

    @property
    def parent_pid(self) -> int:
        """1 (or a subreaper) once the parent has died."""
        ...

    @property
    def place(self) -> str:
        """Names what two processes must share for one to open what the other has open: kernel,
        namespaces and user. Empty where nothing can be."""
        ...

    def alive(self, pid: int) -> bool: ...

    def set_nice(self, niceness: int) -> None: ...

    def set_ionice(self, io_class: str, priority: int = 0) -> None:
        """io_class: `none`, `realtime`, `best-effort` or `idle`; priority 0 (high) to 7."""
        ...

    def wait_for_a_processor(self) -> None:
        """From now on this thread, and those it starts, push nobody off a processor when they are
        woken. Quietly, as far as it goes; a scheduling policy given from outside stays."""
        ...

    def raise_limits(self) -> None:
        """Open files and processes up to what is allowed here; quietly, as far as it goes."""
        ...

    def drop_privileges(self, user: str) -> None:
        """Become this user if we are root, with its groups. Raises PermissionError, KeyError."""
        ...

    def tune_allocator(self) -> None:
        """Keep freed blocks of up to 64 MiB in the process, in one heap for all threads; call
        before the first buffer and the first thread."""
        ...
