"""swiftlite-ring-builder: makes and changes rings. One file per subcommand."""
