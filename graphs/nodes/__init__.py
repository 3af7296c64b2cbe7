"""The six nodes. `perform` is the frame around every step; `action`, `child` and the nodes fill it."""
