"""python -m driftcli."""

from driftcli.cli.app import main

if __name__ == "__main__":
    main()
