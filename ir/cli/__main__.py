"""`python -m ir.cli`: the command line without its console script."""

from ir.cli import main

if __name__ == "__main__":
    main()
