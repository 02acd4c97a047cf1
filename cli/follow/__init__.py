"""`jembatan follow`: a client of subscriptions that knows no database."""
