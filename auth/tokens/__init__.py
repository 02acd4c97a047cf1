"""Access and refresh tokens: issuing, verification, revocation, and the tokens of open streams."""
