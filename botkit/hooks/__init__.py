"""Hooks: what plugins are promised, how they are loaded and checked, and who runs for an event."""
