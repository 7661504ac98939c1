"""The object server: HTTP on one side, the object store on the other."""
