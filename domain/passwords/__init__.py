"""Passwords: changed, and reset by mail."""
