"""Referrals in the graph: what providers that take part are asked, and what they answer."""
