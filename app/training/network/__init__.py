"""The network while it learns: parameters, back-propagation, loss, optimizer."""
