"""Live events: the doorbell that tells of news, and the hub that reads the log and hands events out."""
