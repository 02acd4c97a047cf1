"""Access and refresh tokens: issuing, verification, revocation, and the streams opened with them."""
