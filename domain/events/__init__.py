"""What happened: events, the log they stand in, and its cursors."""
