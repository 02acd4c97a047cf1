"""graphql-transport-ws: one file for each part of a socket."""
