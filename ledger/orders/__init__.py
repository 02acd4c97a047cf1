"""Block orders: drafting, approval, acknowledgements, closing, and reading them."""
