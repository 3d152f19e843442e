"""One module for each group of tables and figures; each function turns evidence into one `Exhibit`."""
