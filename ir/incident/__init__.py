"""One incident: its record, plan and playbook, the keys in custody, and what is still to do."""
