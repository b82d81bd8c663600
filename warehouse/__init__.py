"""The only package that runs SQL or touches the network."""
