"""The feed: one ordered log of everything that happened, its tree, and who may read which entry."""
