"""Accounts, passwords, invitations and logging in."""
