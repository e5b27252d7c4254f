"""Warehouses, stock levels, reservations and the ledger of stock movements."""
