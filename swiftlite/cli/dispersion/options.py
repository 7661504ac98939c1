"""dispersion.conf, and what both tools read before they begin. Names and defaults are Swift's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from swiftlite.cluster import conf as cluster_conf
from swiftlite.cluster.conf import ClusterConf
from swiftlite.config.load import ConfError, options, read_conf
from swiftlite.config.option import opt
from swiftlite.policies.policy import Policy

CONF = "/etc/swift/dispersion.conf"


@dataclass(frozen=True, slots=True)
class DispersionOptions:
    SECTION = "dispersion"
    CONF = ("dispersion.conf",)

    auth_url: str = opt("", "Where to log in.", shown="http://localhost:8080/auth/v1.0")
    auth_user: str = opt("", "As whom; the account is this user's.", shown="test:tester")
    auth_key: str = opt("", "The user's key or password.", shown="testing")
    auth_version: str = opt(
        "1.0", "1.0: TempAuth's way; 3: Keystone's.", choices=("1.0", "1", "3", "3.0")
    )
    endpoint_type: str = opt("publicURL", "With Keystone, which endpoint of the catalogue.")
    region_name: str = opt("", "With Keystone, the region of the endpoint; empty: the first.")
    user_domain_name: str = opt("Default", "With Keystone, the user's domain.")
    project_domain_name: str = opt("Default", "With Keystone, the project's domain.")
    project_name: str = opt("", "With Keystone, the project.")
    keystone_api_insecure: bool = opt(False, "Do not check the certificate of https servers.")
    swift_dir: str = opt("/etc/swift", "Where swift.conf and the rings are.")
    dispersion_coverage: float = opt(
        1.0, "Percent of the partitions that get an object.", minimum=0, maximum=100
    )
    retries: int = opt(5, "How often a request is tried again.", minimum=0)
    concurrency: int = opt(25, "Requests at a time.", minimum=1, maximum=1000)
    container_populate: bool = opt(True, "Make containers.")
    object_populate: bool = opt(True, "Make objects.")
    container_report: bool = opt(True, "Look for containers.")
    object_report: bool = opt(True, "Look for objects.")
    dump_json: bool = opt(False, "Report as JSON.")
    partitions: bool = opt(False, "Name partitions that lack a copy.")


def read(path: str, overrides: Mapping[str, str]) -> DispersionOptions:
    """Raises ConfError."""
    section = read_conf(path).sections.get(DispersionOptions.SECTION)
    if section is None:
        raise ConfError(f"{path} has no section [dispersion].")
    found = options(DispersionOptions, {**section, **overrides}, where=f"{path} [dispersion]")
    if not (found.auth_url and found.auth_user and found.auth_key):
        raise ConfError(f"{path} [dispersion]: auth_url, auth_user and auth_key must be set.")
    return found


def policy_of(found: DispersionOptions, name: str | None) -> tuple[ClusterConf, Policy]:
    """The policy of this name, or the default one. Raises ConfError."""
    cluster = cluster_conf.load(found.swift_dir)
    policy = cluster.policies.default if name is None else cluster.policies.by_name(name)
    if policy is None:
        raise ConfError(f"Unable to find policy: {name}")
    return cluster, policy
