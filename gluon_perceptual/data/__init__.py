"""Photos in, batches of patch pairs out."""
