"""What captions look like: the options and presets, the fonts that ship, and what marks single words."""
