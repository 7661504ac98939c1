"""`swiftlite-drive-audit CONF`: unmounts disks of which the kernel's log complains."""
