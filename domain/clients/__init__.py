"""Machines that sign in by a secret of their own."""
