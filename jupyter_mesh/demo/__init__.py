"""Two sites and two hubs on one machine, seeded with measured data."""
