"""HTTP routes of this service's own things: parse, call a use case, answer."""
