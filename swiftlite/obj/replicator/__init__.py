"""Keeping replicas of objects equal: compare partitions, push what differs, let handoffs go."""
