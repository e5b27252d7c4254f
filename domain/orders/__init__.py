"""Orders, their lines and states, returns and adjustments."""
