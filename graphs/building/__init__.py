"""The parts of the Python builder: `options` (what every step may be given), `steps` (one maker for each step type)."""
