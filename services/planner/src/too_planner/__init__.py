"""Plans observations of an event's sky map for every telescope."""
