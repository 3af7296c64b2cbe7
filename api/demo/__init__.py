"""What shows Baton at work: the services that the example workflows call, and the command that runs them."""
