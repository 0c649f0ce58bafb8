"""The commands for Python callers; `import driftcli` offers all of it: `driftcli.check`, `driftcli.Report`."""
