"""The box office: HTTP. For now the demo application; the gateway comes next."""
