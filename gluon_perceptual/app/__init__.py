"""The page on this machine alone: `server` serves it, `work` does what it asks for, `pictures` and `runs` are files.

Importing these loads no MXNet: the thread that works does, while the page is already there.
"""

__all__ = ["archive", "bodies", "entries", "guard", "pictures", "runs", "server", "settings", "views", "work"]
