"""`swiftlite-account-audit`: do accounts, containers and objects agree, on all of their nodes?"""
