VERSION = "0.1.0"
"""Of this code, as in pyproject.toml; records, logs and `health` name it."""
