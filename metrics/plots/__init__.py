"""Figures in one style: safe for the colour-blind, in print and on a dark page. Each function returns a Figure."""
