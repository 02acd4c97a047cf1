"""The checks of `jembatan doctor`, a file for what they look at. None changes anything or needs a running server."""
