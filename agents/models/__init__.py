"""Chat models: real, scripted, recorded; what they cost, and routes they choose."""
