"""What comes with midirnn, registered through the same hooks as everybody else's plugins."""
