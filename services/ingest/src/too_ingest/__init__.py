"""Takes in alerts of every mission and makes events and sky maps of them."""
