"""Parties who buy; a customer may belong to a user."""
