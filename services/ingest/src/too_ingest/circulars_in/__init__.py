"""GCN Circulars of everybody: read, and what they speak of."""
