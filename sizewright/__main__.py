"""`python -m sizewright` runs the console script."""

from sizewright.cli import main

main()
