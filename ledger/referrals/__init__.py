"""Referrals: what a provider that takes part is asked to look at, and what it answers. A request, never a duty."""
