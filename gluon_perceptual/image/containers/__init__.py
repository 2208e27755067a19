"""Picture files taken apart into pixels and what is said beside them, and put together again; a module each format.

`split` gives a file with the pixels alone, which no broken metadata can spoil, and the metadata; `join` puts metadata
into an encoded picture.
"""
