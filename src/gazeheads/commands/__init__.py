"""What the commands do: a module each, named after it, with its `options(parser)` and `run(args, say)`.

`run` gives its result to people through `say`, line by line, and returns what `--json` prints: `gazeheads.cli` decides
which of the two is shown, and holds the table of all commands.
"""
