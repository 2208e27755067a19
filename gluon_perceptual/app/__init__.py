"""The page on this machine alone: `page` answers what it asks, `work` does it, `pictures` and `runs` are files.

Importing these loads no MXNet: the thread that works does, while the page is already there.
"""

__all__ = [
    "archive",
    "bodies",
    "entries",
    "folder",
    "guard",
    "messages",
    "page",
    "pictures",
    "previews",
    "runs",
    "server",
    "settings",
    "views",
    "work",
]
