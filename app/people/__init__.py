"""The admins' list of people, and inviting them."""
