"""Reloaders: each makes one service take up the current key. Loaded by name, only when used.

command  CommandReloader(argv=, env=, timeout=)
http     HttpReloader(url=, resolve=, headers=, timeout=)
"""

RELOADERS = {
    "command": "ir.adapters.reloaders.command:CommandReloader",
    "http": "ir.adapters.reloaders.http:HttpReloader",
}
"""Name in the inventory → `module:Class`."""
