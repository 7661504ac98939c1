"""The object expirer: objects whose time has come are deleted."""
