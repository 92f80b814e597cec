"""The servers of the receive path, each a step further than the one before, each a process."""
