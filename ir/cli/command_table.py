"""The table of commands: each name, the function behind it, and its line of help."""

Row = tuple[str, str]
"""`module:function` (a typer command, or `module:app` of a typer app) and its one line of help."""
COMMANDS: dict[str, Row | dict[str, Row]] = {
    "rotate": {
        "stripe": ("ir.cli.rotate:stripe", "Take a leaked key to proven dead, every service on its replacement."),
        "stripe-webhook": ("ir.cli.rotate_webhook:stripe_webhook", "Replace a webhook's signing secret, seen accepted by every service."),
    },
    "breach": ("ir.cli.breach:app", "A breached host: what was stored there, and one campaign for what is ours."),
    "contain": ("ir.cli.contain:contain", "Take a leaked key away from strangers, now. Works at any time."),
    "review": {"stripe": ("ir.cli.review:review", "What did the leaked key do? Evidence, findings, leftovers.")},
    "permissions": {
        "stripe": ("ir.cli.permissions:stripe", "The least that services need of a key, from what they used."),
        "map": ("ir.cli.permissions_map:print_map", "Which permission opens which endpoint, with source and date."),
    },
    "drill": {
        "stripe": ("ir.cli.drill:stripe", "A whole rotation in an embedded world."),
        "stripe-webhook": ("ir.cli.drill_webhook:stripe_webhook", "A webhook's signing secret, while events happen."),
        "breach": ("ir.cli.drill_breach:breach", "The day three hosts are breached: 40 keys, one command."),
        "join": ("ir.cli.drill_hands:join", "A second terminal in the rehearsal that runs."),
    },
    "status": ("ir.cli.status:status", "Where every incident stands, and the next command."),
    "resume": ("ir.cli.incidents:resume", "Go on with an incident, after a crash or a human's step."),
    "approve": ("ir.cli.approve:approve", "Approve the step that an incident waits for."),
    "rollback": ("ir.cli.incidents:rollback", "Put the old key back, if it still lives."),
    "abort": ("ir.cli.incidents:abort", "Stop acting; names every live key and what uses it."),
    "close": ("ir.cli.incidents:close", "End what cannot be proven, by name: attested, not proven."),
    "classify": ("ir.cli.classify:classify", "State when you learned of it, and whether it is a data breach, and material."),
    "notify": {
        "record": ("ir.cli.notify:record", "Record who was told, when and by whom, or why they are not told."),
        "draft": ("ir.cli.notify:draft", "A draft for the authority, customers, the acquirer, Stripe or your own people."),
        "list": ("ir.cli.notify:list_clocks", "Whom the law wants told, and by when, with article and source."),
    },
    "report": ("ir.cli.reports:report", "The incident report as html, md or json."),
    "verify": ("ir.cli.reports:verify", "Check the audit chain of an incident."),
    "evidence": {
        "key": ("ir.cli.evidence:key", "The public key of the checkpoints, to be kept outside."),
        "bundle": ("ir.cli.evidence:bundle", "Write the evidence bundle again."),
        "timestamp": ("ir.cli.timestamps:timestamp", "Let an outside authority attest that the record exists now (RFC 3161)."),
        "purge": ("ir.cli.evidence:purge", "Remove what was collected about people; hashes stay."),
    },
    "inventory": {
        "check": ("ir.cli.inventory_check:check_inventory", "Check an inventory file."),
        "init": ("ir.cli.inventory_init:init", "An inventory from what stores and hosts hold."),
        "unused": ("ir.cli.unused_keys:unused", "Live keys at Stripe that nothing uses."),
        "drift": ("ir.cli.drift:drift", "Where stores disagree, what reverts them, who holds an old key."),
        "graph": ("ir.cli.inventory:graph", "Keys, stores and services: a tree, Mermaid or SVG."),
        "schema": ("ir.cli.inventory:schema", "The form of an inventory as JSON Schema, for editors."),
        "policies": ("ir.cli.policies:policies", "The least that `ir` has to be allowed: IAM, Vault, Conjur, Stripe."),
    },
    "playbook": {
        "list": ("ir.cli.inventory_check:list_playbooks", "The playbooks that come with the tool."),
        "show": ("ir.cli.inventory_check:show_playbook", "A playbook's text, to start your own from."),
        "check": ("ir.cli.inventory_check:check_playbook", "Check a playbook file."),
    },
    "alert": {"import": ("ir.cli.alerts:import_alerts", "What secret scanners found: which key, where, since when.")},
    "campaign": {
        "start": ("ir.cli.campaign_start:start", "Rotate many keys: all, or by account, tag, store or file."),
        "status": ("ir.cli.campaigns:status", "How a campaign stands: every key, progress, time left."),
        "pause": ("ir.cli.campaigns:pause", "Begin no more keys; those under way go on."),
        "resume": ("ir.cli.campaigns:resume", "Go on with a paused campaign."),
        "retry": ("ir.cli.campaign_retry:retry", "Begin keys again that were refused or failed."),
        "report": ("ir.cli.campaigns:report", "One page about a campaign."),
    },
    "schedule": {
        "list": ("ir.cli.schedules:list_schedule", "Keys with rotate_every: due, overdue, next, last result and why."),
        "run": ("ir.cli.schedules:run_schedule", "Begin what is due, once per due date; for cron and timers."),
    },
    "database": {"roles": ("ir.cli.database:roles", "Tables and roles of a PostgreSQL that machines share.")},
    "worker": ("ir.cli.workers:app", "Run campaigns and due rotations, beside other workers; list live workers."),
    "rules": ("ir.cli.rules:app", "The detection rules of the review."),
    "help": ("ir.cli.help_page:help_page", "The help page of a command."),
}
GROUPS = {
    "rotate": "Rotate a leaked key.",
    "review": "Review what a key did.",
    "permissions": "The smallest key that works.",
    "drill": "Rehearse in an embedded world.",
    "inventory": "Check and draw an inventory; print its policies.",
    "playbook": "List, show and check playbooks.",
    "campaign": "Many keys at once.",
    "schedule": "Rotations that are due.",
    "notify": "Whom to tell of an incident, and who was told.",
    "evidence": "Keep, hand over and purge evidence.",
    "alert": "Read alerts of secret scanners.",
    "database": "The database that machines share.",
}
