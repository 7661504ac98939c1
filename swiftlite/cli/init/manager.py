"""The commands of swiftlite-init over a list of servers. Each gives how many things went wrong."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from swiftlite.cli.init.pids import Places, Running, running, send, tell_signal
from swiftlite.cli.init.starting import Started, start
from swiftlite.cli.init.telling import Telling
from swiftlite.cli.init.units import InUnit, in_units
from swiftlite.host.os_clock import monotonic, sleep
from swiftlite.service.servers import Place

KILL_WAIT_S = 15
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of the command line."""

    daemon: bool = True
    wait: bool = True
    once: bool = False
    graceful: bool = False
    seamless: bool = False
    kill_wait: float = KILL_WAIT_S
    kill_after_timeout: bool = False
    strict: bool = True


@dataclass(slots=True)
class Manager:
    """servers: those whose commands are installed."""

    servers: list[Place]
    places: Places
    wishes: Wishes
    tell: Telling
    commands: dict[Place, str] = field(default_factory=dict)

    def status(self) -> int:
        """Say which servers run."""
        missing = 0
        for server in self.servers:
            found = running(server, self.places, self.tell) or in_units(server, self.places)
            missing += not found
            if not found:
                self._tell_absent(server)
            for one in found:
                self._tell_running(one)
        return missing

    def start(self) -> int:
        """Start servers and wait until they serve."""
        started: list[Started] = []
        failed = 0
        for server in self.servers:
            launched = self._launch(server)
            failed += not launched
            started += launched
        if not self.wishes.strict:
            failed = 0
        if not self.wishes.daemon:
            return failed + self._stay_with(started)
        if self.wishes.wait:
            failed += sum(self._await(one) for one in started)
        return failed

    def no_wait(self) -> int:
        """Start servers without waiting for them."""
        self.wishes = replace(self.wishes, wait=False)
        return self.start()

    def no_daemon(self) -> int:
        """Start servers in the foreground, logging to the terminal."""
        self.wishes = replace(self.wishes, daemon=False)
        return self.start()

    def once(self) -> int:
        """Let daemons run over everything once, and end."""
        self.wishes = replace(self.wishes, once=True)
        return self.start()

    def stop(self) -> int:
        """Stop servers; requests under way have their conf's stop_timeout."""
        waiting: list[Running] = []
        for server in self.servers:
            told = self._signal(server)
            if not told:
                self._tell_out_of_reach(server)
            waiting += told
        if not waiting:
            return 1
        return self._wait_for_ends(waiting)

    def kill(self) -> int:
        """As stop; that nothing runs is no error."""
        status = self.stop()
        left = sum(len(running(server, self.places, self.tell)) for server in self.servers)
        return status if left else 0

    def shutdown(self) -> int:
        """Stop proxy, account, container and object servers at once, while requests under way
        finish; stop the others."""
        self.wishes = replace(self.wishes, graceful=True)
        return self.stop()

    def restart(self) -> int:
        """Stop, then start."""
        return self.stop() + self.start()

    def reload(self) -> int:
        """Shut down, then start, server by server."""
        self.wishes = replace(self.wishes, graceful=True)
        status = 0
        everybody = self.servers
        for server in everybody:
            self.servers = [server]
            status += self.stop() + self.start()
        self.servers = everybody
        return status

    def force_reload(self) -> int:
        """The same as reload."""
        return self.reload()

    def reload_seamless(self) -> int:
        """Give proxy, account, container and object servers code and conf anew without losing a
        request; stop the others."""
        self.wishes = replace(self.wishes, graceful=False, seamless=True)
        missing = 0
        for server in self.servers:
            if not self._signal(server):
                self._tell_out_of_reach(server)
                missing += 1
        return missing

    def _launch(self, server: Place) -> list[Started]:
        confs = self.places.confs(server)
        if not confs:
            self._tell_no_conf(server)
            return []
        if self._is_started(server, confs):
            return []
        once = self.wishes.once and not server.is_main
        options = ["--once"] if once else []
        if not self.wishes.daemon:
            options.append("-v")
        started = []
        for conf in confs:
            word = f"Running {server.name} once" if once else f"Starting {server.name}"
            self.tell(f"{word}...({conf})", "starting", server=server.name, conf=conf)
            pid_file = server.pid_file(conf, self.places.swift_dir, self.places.run_dir)
            try:
                started.append(
                    start(
                        self.commands[server], server, conf, pid_file, options, self.wishes.daemon
                    )
                )
            except OSError as error:
                where = error.filename or self.commands[server]
                self.tell(f"{where}: {error.strerror}", "failed", server=server.name, conf=conf)
        return started

    def _is_started(self, server: Place, confs: list[Path]) -> bool:
        """One running conf keeps the others from being started, unless one is asked for (-c)."""
        found = running(server, self.places, self.tell) or in_units(server, self.places)
        for one in found:
            self._tell_running(one)
        if found:
            self.tell(f"{server.name} already started...", "already started", server=server.name)
        return bool(found)

    def _await(self, started: Started) -> int:
        """0 when it is ready, or is done where it runs once."""
        fault = started.wait_until_ready()
        name = started.server.name
        if (
            self.wishes.once
            and not started.server.is_main
            and (fault is None or started.process.poll() is not None)
        ):
            code = started.wait_until_done()
            self._forget(started)
            if not code:
                return 0
        if fault is None:
            return 0
        if started.process.poll() is not None:
            self._forget(started)
        self.tell(fault, "failed", server=name, conf=started.conf)
        return 1

    def _forget(self, started: Started) -> None:
        places = self.places
        started.server.pid_file(started.conf, places.swift_dir, places.run_dir).unlink(
            missing_ok=True
        )

    def _stay_with(self, started: list[Started]) -> int:
        """In the foreground, until all have ended; Ctrl-C reaches them as well as us."""
        failed = 0
        for one in started:
            while True:
                try:
                    failed += one.wait_until_done() != 0
                    break
                except KeyboardInterrupt:
                    continue
            self._forget(one)
        return failed

    def _signal(self, server: Place) -> list[Running]:
        number = signal.SIGTERM
        if server.is_main and self.wishes.graceful:
            number = signal.SIGHUP
        elif server.is_main and self.wishes.seamless:
            number = signal.SIGUSR1
        found = running(server, self.places, self.tell)
        return [one for one in found if send(one, number, self.tell)]

    def _wait_for_ends(self, waiting: list[Running]) -> int:
        until = monotonic() + self.wishes.kill_wait
        while True:
            for one in [one for one in waiting if not one.alive]:
                waiting.remove(one)
                one.pid_file.unlink(missing_ok=True)
                self.tell(
                    f"{one.server.name} ({one.pid}) appears to have stopped",
                    "stopped",
                    server=one.server.name,
                    pid=one.pid,
                )
            if not waiting:
                return 0
            if monotonic() >= until:
                break
            sleep(_LOOK_S)
        for one in waiting:
            self._give_up(one)
        return 1

    def _give_up(self, one: Running) -> None:
        kill = self.wishes.kill_after_timeout
        self.tell(
            f"Waited {self.wishes.kill_wait:g} seconds for {one.server.name} to die; "
            f"{'killing' if kill else 'giving up'}",
            "killing" if kill else "giving up",
            server=one.server.name,
            pid=one.pid,
        )
        if kill:
            tell_signal(one, signal.SIGKILL, self.tell)
            _kill_all(one.pid)

    def _tell_running(self, one: Running | InUnit) -> None:
        line = f"{one.server.name} running ({one.pid} - {one.conf})"
        facts = {"server": one.server.name, "pid": one.pid, "conf": one.conf}
        if isinstance(one, Running):
            self.tell(line, "running", **facts, pid_file=one.pid_file)
        else:
            self.tell(f"{line} by {one.unit}", "running", **facts, unit=one.unit)

    def _tell_out_of_reach(self, server: Place) -> None:
        """Of one that no signal could be sent to."""
        found = in_units(server, self.places)
        for one in found:
            line = f"{server.name} is run by {one.unit}: use systemctl"
            self.tell(line, "systemd's", server=server.name, unit=one.unit)
        if not found:
            self.tell(f"No {server.name} running", "not running", server=server.name)

    def _tell_absent(self, server: Place) -> None:
        number, confs = self.places.number, self.places.confs(server)
        if not number:
            self.tell(f"No {server.name} running", "not running", server=server.name)
        elif confs:
            line = f"{server.name} #{number} not running ({confs[0]})"
            self.tell(line, "not running", server=server.name)
        else:
            self._tell_no_conf(server)

    def _tell_no_conf(self, server: Place) -> None:
        number = f" number {self.places.number}" if self.places.number else ""
        line = f"Unable to locate config{number} for {server.name}"
        self.tell(line, "no conf", server=server.name)
        found = server.conf_files(self.places.swift_dir)
        if self.places.verbose and found:
            self.tell("Found configs:", "confs", server=server.name)
            for at, conf in enumerate(found, 1):
                self.tell(f"  {at}) {conf}", "conf", server=server.name, conf=conf)


COMMANDS: dict[str, Callable[[Manager], int]] = {
    "force-reload": Manager.force_reload,
    "kill": Manager.kill,
    "no-daemon": Manager.no_daemon,
    "no-wait": Manager.no_wait,
    "once": Manager.once,
    "reload": Manager.reload,
    "reload-seamless": Manager.reload_seamless,
    "restart": Manager.restart,
    "shutdown": Manager.shutdown,
    "start": Manager.start,
    "status": Manager.status,
    "stop": Manager.stop,
}


def find_command(server: Place) -> str | None:
    """Beside this very command first: a checkout or an environment of its own may not be in
    PATH."""
    here = os.path.dirname(os.path.abspath(sys.argv[0]))
    return shutil.which(server.command, path=here) or shutil.which(server.command)


def _kill_all(pid: int) -> None:
    """Its whole group where it leads one; else what it leaves dies with it."""
    try:
        leads = os.getpgid(pid) == pid
        (os.killpg if leads else os.kill)(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
