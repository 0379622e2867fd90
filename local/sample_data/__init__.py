"""Data for the simulators: generated, or read from a folder in the APIs' own JSON shape."""
