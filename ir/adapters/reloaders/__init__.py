"""Reloaders: each makes one service take up the current key. Loaded by name, only when used.

command  CommandReloader(argv=, env=, timeout=)
http     HttpReloader(url=, resolve=, headers=, timeout=)
rollout  RolloutReloader(context=, namespace=, kind=, name=, external_secret=, login=, timeout=, say=)
vercel   VercelReloader(project=, target=, login=, timeout=, say=)
"""

RELOADERS = {
    "command": "ir.adapters.reloaders.command:CommandReloader",
    "http": "ir.adapters.reloaders.http:HttpReloader",
    "vercel": "ir.adapters.reloaders.vercel:VercelReloader",
    "rollout": "ir.adapters.reloaders.rollout:RolloutReloader",
}
"""Name in the inventory → `module:Class`."""
