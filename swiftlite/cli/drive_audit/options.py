"""drive-audit.conf. Names and defaults are Swift's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.config.load import ConfError
from swiftlite.config.option import opt

PATTERN = "regex_pattern_"
_PATTERNS = (
    r"\berror\b.*\b(sd[a-z]{1,2}\d?)\b",
    r"\b(sd[a-z]{1,2}\d?)\b.*\berror\b",
    r"\berror\b.*\b(nvme\d+n\d+(?:p\d+)?)\b",
    r"\b(nvme\d+n\d+(?:p\d+)?)\b.*\berror\b",
)


@dataclass(frozen=True, slots=True)
class DriveAuditOptions:
    """Beside these, regex_pattern_1, _2, ... replace what finds a device's name in a line."""

    SECTION = "drive-audit"
    CONF = ("drive-audit.conf",)

    device_dir: str = opt("/srv/node", "The directory under which the devices are mounted.")
    log_file_pattern: str = opt(
        "/var/log/kern.*[!.][!g][!z]", "The kernel's logs, those that were rotated included."
    )
    log_file_encoding: str = opt("auto", "Of the logs; auto: the system's.")
    minutes: int = opt(60, "How far back the logs are read.", minimum=1)
    error_limit: int = opt(1, "So many lines about a device make it a failed one.", minimum=1)
    unmount_failed_device: bool = opt(
        True, "Unmount a failed device and take it out of /etc/fstab; else only tell."
    )
    recon_cache_path: str = opt("/var/cache/swift", "Where the recon tools find the counts.")
    user: str = opt("swift", "Owner of the recon cache.")
    log_to_console: bool = opt(False, "Log to the terminal as well.")


def patterns_of(section: Mapping[str, str], where: str) -> list[re.Pattern[str]]:
    """What finds the name of a device in a line. Raises ConfError."""
    named = {key: text for key, text in section.items() if key.startswith(PATTERN)}
    found = []
    for key, text in named.items():
        try:
            found.append(re.compile(text))
        except re.error as error:
            raise ConfError(f"{where}: {key} is no regular expression: {error}.") from error
    return found or [re.compile(text) for text in _PATTERNS]
