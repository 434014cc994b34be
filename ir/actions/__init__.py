"""One file per action. A module has `run(world, record, step) -> Outcome`: look, then act.

Optional: `prepare(world, record, step) -> Json`, facts that stand before the act and follow from the record alone (names, idempotency
keys), and `rehearse(world, record, step) -> Outcome`, what a dry run says instead of acting; actions that only read need none.
"""

ACTIONS = {
    "preflight": "ir.actions.preflight",
    "clear": "ir.actions.clear",
    "review": "ir.actions.review",
    "contain": "ir.actions.contain",
    "money": "ir.actions.money",
    "custody": "ir.actions.custody",
    "mint": "ir.actions.mint",
    "check": "ir.actions.check",
    "stage": "ir.actions.stage",
    "wave": "ir.actions.wave",
    "verify": "ir.actions.verify",
    "delivery": "ir.actions.delivery",
    "undelivered": "ir.actions.undelivered",
    "forged": "ir.actions.forged",
    "quiet": "ir.actions.quiet",
    "grace": "ir.actions.grace",
    "retire": "ir.actions.retire",
    "prove": "ir.actions.prove",
    "remove": "ir.actions.remove",
    "sweep": "ir.actions.sweep",
    "watch": "ir.actions.watch",
    "report": "ir.actions.report",
    "undo": "ir.actions.undo",
    "discard": "ir.actions.discard",
    "leave": "ir.actions.leave",
    "settle": "ir.actions.settle",
    "close": "ir.actions.close",
}
