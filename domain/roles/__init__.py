"""Roles: named sets of scopes, and who holds them."""
