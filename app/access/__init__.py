"""Who calls: keys, tokens, passwords, and how often somebody may try."""
