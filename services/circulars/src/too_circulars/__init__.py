"""Composes GCN Circulars from what was observed and vetted."""
