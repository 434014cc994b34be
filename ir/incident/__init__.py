"""One incident: its record, plan and playbook, the keys in custody, and what it still owes."""
