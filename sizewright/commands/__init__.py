"""The commands, one in each file. The command line imports a command only when it runs."""
