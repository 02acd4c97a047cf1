"""How officers log in: passwords, second factors, sessions, consents, and the pages for them."""
