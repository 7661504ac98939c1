"""`swiftlite-init`: starting and stopping a node's servers by their confs and pid files."""
