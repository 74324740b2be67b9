"""Engines compute the network's forward pass. They see ids and arrays, never words."""
