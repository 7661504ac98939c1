"""The answer to an operator's question, in sentences and in facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum


class Answer(Enum):
    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "cannot tell"


WORD = {Answer.SAFE: "yes", Answer.UNSAFE: "no", Answer.UNKNOWN: "cannot tell"}
CODE = {Answer.SAFE: 0, Answer.UNSAFE: 1, Answer.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """reasons: why the answer is what it is; notes: what else there is to know. Whole sentences,
    without the full stop. facts: the same for programs."""

    question: str
    answer: Answer
    reasons: list[str]
    notes: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def code(self) -> int:
        return CODE[self.answer]

    def lines(self) -> Iterator[str]:
        yield f"{self.question} {WORD[self.answer]}: {self.reasons[0]}."
        for reason in self.reasons[1:]:
            yield f"    {_capital(reason)}."
        for note in self.notes:
            yield f"  * {_capital(note)}."

    def to_json(self) -> dict[str, object]:
        return {
            "question": self.question,
            "answer": self.answer.value,
            "reasons": self.reasons,
            "notes": self.notes,
            **self.facts,
        }


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def count(number: int, noun: str) -> str:
    """1 partition, 37 partitions."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"
