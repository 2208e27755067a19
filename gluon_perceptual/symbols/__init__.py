"""Networks that are only an MXNet symbol, run without their code."""
