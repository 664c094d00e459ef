"""What the user is told, and how they are asked: lines, bars, signals."""
