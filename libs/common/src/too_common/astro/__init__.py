"""Geometry and sky maps: what more than one service needs to know about the sky.

Knows no database and no event bus. The rooms:

``sphere``     separations, unit vectors, the tangent plane
``skymap``     :class:`~too_common.astro.skymap.SkyMap`, the multi-order map
``mapfile``    FITS in and out, with every check a map from outside needs
``cone``       maps made from a position and an error radius
``contours``   outlines of credible regions as GeoJSON
``footprint``  cameras on the tangent plane
``galaxies``   ranking of galaxies against a map
``site``       Sun, Moon, altitude and airmass at an observatory
``tasks``      top-level functions for worker processes

Nothing is imported here, so that each service pays only for what it uses.
"""
