"""python -m driftcli."""

from driftcli.cli.start import main

if __name__ == "__main__":
    main()
