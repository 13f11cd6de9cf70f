"""The HTTP shell: routes of the simulated hosts, control, the page for people."""
