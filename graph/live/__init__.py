"""How subscriptions run: each alone through what it missed, then once for all who asked for the same."""
