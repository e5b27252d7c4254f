"""What is stored: tables, statements, migrations, the unit of work and the embedded server. The only SQL."""
