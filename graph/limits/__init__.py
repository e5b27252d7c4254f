"""Limits: how large, how dear and how long an operation may be, and how many of them one caller may have."""
