"""ZTF's scheduler and where its progress is read: IRSA's TAP and the depot."""
