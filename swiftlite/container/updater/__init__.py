"""The container updater: accounts are told what their containers hold."""
