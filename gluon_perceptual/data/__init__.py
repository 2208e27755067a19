"""Photos in, batches of patch pairs out."""

__all__ = ["batches", "crops", "patches", "photo_list", "photos", "reading", "recordio", "records", "sampler", "shards"]
