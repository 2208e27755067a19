"""The local page: `page` answers its requests, `work` does the jobs, `pictures` and `runs` hold the files.

Importing these modules does not load MXNet: the working thread does, once the page is being served.
"""

__all__ = [
    "archive", "bodies", "entries", "folder", "guard", "messages", "page", "pictures", "previews", "runs", "server",
    "settings", "views", "work",
]  # fmt: skip
