"""What training leaves behind, and what of it is given away."""
