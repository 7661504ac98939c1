"""Plants every fault of doctor_faults on booted machines, and mends it with the command that
`swiftlite doctor` names.

A cluster of four storage nodes and a proxy is built by the operators' pages. Doctor has nothing to
say; then, fault by fault: it is planted, doctor names it, the command is taken out of what doctor
prints and typed as it stands, and doctor has nothing to say again. At the end it is asked on every
machine. Also measured: what doctor over four nodes takes.

Usage (as root): python -m tools.acceptance.doctor [--package DEB] [--tree DIR] [--json FILE]
[--page] [FINDING]... --page writes doc/operations/doctor-faults.md. Exit code 0 when every fault
was named and mended, 1 when not, 77 when this host cannot do it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tools.acceptance.doctor_fault import Fault
from tools.acceptance.doctor_faults import FAULTS
from tools.acceptance.doctor_page import PAGE, Outcome, page
from tools.acceptance.pages import Run, add_options, in_a_data_centre, run_all
from tools.datacentre.centre import DataCentre

CLUSTER = ("first-cluster", "see-that-all-is-well", "add-a-node")
EVERYWHERE = ("storage1", "storage2", "storage3", "storage4", "proxy1")
_NAMED_WITHIN_S = 120.0
_AGAIN_S = 1.0
_TIMES = 5


class Wrong(Exception):
    """It is not as it ought to be."""


class Ward:
    """Where faults are planted and mended."""

    def __init__(self, centre: DataCentre) -> None:
        self._centre = centre

    def treat(self, fault: Fault) -> Outcome:
        outcome = Outcome(fault.finding, fault.title, fault.machine, fault.whole)
        try:
            fault.plant(self._centre)
            outcome.mend = self._named(fault)
            began = time.monotonic()
            done = self._centre.machines[fault.machine].run(outcome.mend)
            if done.returncode:
                raise Wrong(f"the command ended with {done.returncode}: {done.stdout.strip()}")
            self.silent(fault.machine, whole=fault.whole, within_s=fault.within_s)
            outcome.seconds = round(time.monotonic() - began, 1)
        except (Wrong, AssertionError, RuntimeError) as wrong:
            outcome.wrong = str(wrong)
        return outcome

    def _named(self, fault: Fault) -> str:
        """Its command, as people see it."""
        deadline = time.monotonic() + _NAMED_WITHIN_S
        while True:
            found = json.loads(self._doctor(fault.machine, whole=fault.whole, words="--json"))
            for one in found:
                if one["name"] == fault.finding and fault.where in one["where"]:
                    if one["page"]:
                        raise Wrong(f"it is only begun: {one['mend']}")
                    if self._is_printed(fault, one):
                        return str(one["mend"])
            if time.monotonic() > deadline:
                raise Wrong(f"doctor does not name it, but {found}")
            time.sleep(_AGAIN_S)

    def _is_printed(self, fault: Fault, one: dict[str, str]) -> bool:
        """Ages and counts go on meanwhile: then it is looked for again."""
        lines = self._doctor(fault.machine, whole=fault.whole).splitlines()
        told = [f"{one['where']}: {one['what']}", one["why"], one["mend"]]
        return any(
            all(line.endswith(words) for line, words in zip(lines[at:], told, strict=False))
            and lines[at + 2].split()[0] == "mend"
            for at in range(len(lines) - 2)
        )

    def silent(self, machine: str, *, whole: bool, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while said := self._doctor(machine, whole=whole):
            if time.monotonic() > deadline:
                raise Wrong(f"doctor on {machine} still says\n{said}")
            time.sleep(_AGAIN_S)

    def _doctor(self, machine: str, *, whole: bool, words: str = "") -> str:
        """What it says; of exit codes 0 goes with nothing, 1 with something."""
        command = f"swiftlite doctor {'--all' if whole else ''} {words}"
        done = self._centre.machines[machine].run(command)
        nothing = done.stdout.strip() in ("", "[]")
        if done.returncode != (0 if nothing else 1):
            raise Wrong(f"{command} ended with {done.returncode}: {done.stdout}")
        return done.stdout.strip()

    def all_silent(self) -> None:
        for machine in EVERYWHERE:
            self.silent(machine, whole=True, within_s=180)

    def cost(self) -> list[dict[str, float]]:
        """Of doctor over the whole cluster, in seconds."""
        script = (
            "import json, resource, subprocess, time; began = time.monotonic(); "
            "subprocess.run(['swiftlite', 'doctor', '--all']); "
            "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
            "print(json.dumps({'wall': time.monotonic() - began, "
            "'cpu': used.ru_utime + used.ru_stime}))"
        )
        machine = self._centre.machines["storage1"]
        return [json.loads(machine.check(f'python3 -c "{script}"')) for _ in range(_TIMES)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument("--json", type=Path, help="where to write what became of each fault")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("finding", nargs="*", help="only faults that are called so")
    options = parser.parse_args()
    return in_a_data_centre(options, lambda run: _go_round(run, options))


def _go_round(run: Run, options: argparse.Namespace) -> int:
    faults = [one for one in FAULTS if not options.finding or one.finding in options.finding]
    if run_all(run, list(CLUSTER)):
        return 1
    ward = Ward(run.centre)
    outcomes = []
    ward.all_silent()
    print("ok    nothing is wrong", flush=True)
    costs = ward.cost()
    for fault in faults:
        outcome = ward.treat(fault)
        outcomes.append(outcome)
        _tell(outcome)
    try:
        ward.all_silent()
        print("ok    nothing is wrong", flush=True)
        after = ""
    except Wrong as wrong:
        after = str(wrong)
        print(f"WRONG at the end: {after}", flush=True)
    for cost in costs:
        print(f"      doctor --all: {cost['wall']:.2f} s, {cost['cpu']:.2f} s of CPU")
    mended = [one for one in outcomes if not one.wrong]
    kinds = len({one.finding for one in mended})
    print(f"{len(mended)} of {len(outcomes)} faults named and mended, of {kinds} kinds")
    if options.json is not None:
        told = {"faults": [asdict(one) for one in outcomes], "after": after, "doctor --all": costs}
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    if options.page:
        PAGE.write_text(page(outcomes), encoding="utf-8")
    return 1 if after or len(mended) < len(outcomes) else 0


def _tell(outcome: Outcome) -> None:
    if outcome.wrong:
        print(f"WRONG {outcome.finding} ({outcome.title}): {outcome.mend}\n{outcome.wrong}")
    else:
        print(f"ok    {outcome.finding} ({outcome.title}): {outcome.seconds:.0f} s: {outcome.mend}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
