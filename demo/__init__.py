"""The demo: made-up parties play the whole journey through the public HTTP interface."""
