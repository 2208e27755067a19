"""Picture files taken apart into pixels and metadata, and put together again; one module for each format.

`split` returns a file of only the pixels, which broken metadata cannot spoil, and the metadata; `join` puts metadata
into an encoded picture.
"""
