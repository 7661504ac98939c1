"""The object updater: container updates that wait on disk are delivered."""
