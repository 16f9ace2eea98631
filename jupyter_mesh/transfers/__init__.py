"""What a server carries for its user: uploads that wait on its disk, and copies, with progress."""
