"""The mesh as a folder of this machine: rclone's VFS in front of our own WebDAV adapter."""
