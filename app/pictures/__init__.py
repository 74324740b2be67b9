"""Pictures of a forward pass: pure functions from an explanation's numbers to SVG, no script."""
