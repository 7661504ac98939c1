"""How many answers make a decision. Erasure codes have their own rule, in policies."""


def replicated_quorum(replica_count: int) -> int:
    """Half of the replicas, rounded up: 1 of 1, 1 of 2, 2 of 3, 2 of 4, 3 of 5.

    Objects, containers and accounts all use it. With an even count it is half, not a majority;
    that is Swift's rule, and mixed clusters must count alike.
    """
    assert replica_count >= 0
    return (replica_count + 1) // 2
