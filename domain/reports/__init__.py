"""Reports: their definitions, filters and results. The queries live in db/reports.py."""
