"""What would come of it: stopping a node, pulling a disk, another ring. Decides, and does nothing.

From rings and from what is known of their devices follow verdicts with reasons; how each was come
by is in doc/architecture/plan.md.
"""

from swiftlite.plan.change import RingChange, judge_change
from swiftlite.plan.moves import Flow, Moves, Sizes, moves_between
from swiftlite.plan.outage import judge_pull, judge_stop
from swiftlite.plan.schedule import Limits, Timetable, timetable
from swiftlite.plan.standing import Disk, Standing, disk_of
from swiftlite.plan.verdict import Answer, Verdict

__all__ = [
    "Answer",
    "Disk",
    "Flow",
    "Limits",
    "Moves",
    "RingChange",
    "Sizes",
    "Standing",
    "Timetable",
    "Verdict",
    "disk_of",
    "judge_change",
    "judge_pull",
    "judge_stop",
    "moves_between",
    "timetable",
]
