"""`python -m sizewright` is the console script."""

from sizewright.cli import main

main()
