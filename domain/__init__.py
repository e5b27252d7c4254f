"""What the business knows: models, rules, policies and commands. Standard library only."""
