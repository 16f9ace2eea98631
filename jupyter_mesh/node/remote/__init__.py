"""What other sites share with our users, mounted: the gateway and the data server pass it through."""
