"""The options of bulk requests."""

from __future__ import annotations

from dataclasses import dataclass

from swiftlite.config.option import Seconds, opt


@dataclass(frozen=True, slots=True)
class BulkOptions:
    SECTION = "filter:bulk"
    max_containers_per_extraction: int = opt(
        10_000, "Containers that one archive may make.", minimum=0
    )
    max_failed_extractions: int = opt(
        1000, "Files of one archive that may fail before the rest is left.", minimum=1
    )
    max_deletes_per_request: int = opt(10_000, "Names in one list of deletions.", minimum=1)
    max_failed_deletes: int = opt(
        1000, "Deletions of one list that may fail before the rest is left.", minimum=1
    )
    yield_frequency: Seconds = opt(
        10.0, "Pause between the blanks that keep the connection alive.", minimum=0.1
    )
    delete_concurrency: int = opt(2, "Deletions under way simultaneously.", minimum=1)
    delete_container_retry_count: int = opt(
        0, "Times that a container which is not empty yet is tried again.", minimum=0
    )
