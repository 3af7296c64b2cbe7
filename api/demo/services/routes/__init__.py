"""The services, one module each. A module offers `router()`; its endpoints are plain functions of a `Call`."""
