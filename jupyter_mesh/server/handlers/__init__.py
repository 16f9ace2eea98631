"""HTTP in, HTTP out: each handler translates one address and leaves the work to others."""
