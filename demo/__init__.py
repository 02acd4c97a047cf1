"""The demo: made-up parties go through the entire journey over the public HTTP interface."""
