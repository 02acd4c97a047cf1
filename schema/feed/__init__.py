"""The feed in the graph: entries, proofs, and the parts that all subscriptions share."""
