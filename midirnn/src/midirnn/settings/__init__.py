"""Every setting, what it may be, and how flags and files become one configuration."""
