"""Environments made of shared folders: public links of the mesh, and RO-Crates in them, for repo2docker and BinderHub."""
