"""What is wrong with a message: a status and a sentence for its sender."""

from __future__ import annotations

from swiftlite.vocab.errors import SwiftliteError


class Malformed(SwiftliteError):
    """The message is not HTTP as we take it. Answer with status and sentence, then close."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
