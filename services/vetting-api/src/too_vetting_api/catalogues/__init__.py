"""Galaxy catalogues: readers of public files, and the one snapshot that everybody ranks with."""
