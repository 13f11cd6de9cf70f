"""The central interface: pages, login, candidates, galaxies, and the one public origin."""
