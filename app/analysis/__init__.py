"""What people prefer: the results of a study, and who has looked at them."""
