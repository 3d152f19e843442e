"""The admins' view of who did what."""
