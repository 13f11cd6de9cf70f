"""What ingest talks to outside: GCN's broker and the servers of sky maps."""
