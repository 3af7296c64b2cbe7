"""The command line as people see it: names, options, help. Light to import; each declaration names its body."""
