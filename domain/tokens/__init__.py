"""Sign-ins: what is handed out, traded and taken back."""
