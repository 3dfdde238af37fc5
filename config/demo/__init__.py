"""The whole job once, with embedded parts only: `python -m config.demo`."""
