"""The feed in the graph: entries, proofs and what subscriptions share."""
