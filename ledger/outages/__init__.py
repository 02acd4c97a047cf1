"""Outages of the gateway: how they are noticed or declared, and the time that they give back to carriers."""
