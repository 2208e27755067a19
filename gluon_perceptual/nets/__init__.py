"""The networks of the paper and of the blog, and the loss network."""
