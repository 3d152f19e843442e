"""Texts out of files of several kinds, for whoever needs them: passages to judge, and texts to train on."""
