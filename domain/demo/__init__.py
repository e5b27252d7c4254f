"""A demo shop of our own making: the same seed and the same moment make the same shop."""
