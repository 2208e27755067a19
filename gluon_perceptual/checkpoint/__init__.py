"""Files of parameters: read, write, and load into any network."""
