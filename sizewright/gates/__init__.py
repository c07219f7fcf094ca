"""Gates: what must hold before a plan is built."""
