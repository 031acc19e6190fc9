"""Dense Adam, computed where it is looked at."""
