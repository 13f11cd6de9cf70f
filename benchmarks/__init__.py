"""How fast the marshal is, measured. Numbers belong here, never in assertions of tests."""
