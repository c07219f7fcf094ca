"""The command line: one file per command, offline recording and reports."""
