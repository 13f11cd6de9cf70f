"""A few bright galaxies near the celestial equator, one per half hour of right ascension.

Positions (J2000) and radial velocities after OpenNGC (CC BY-SA 4.0); the distance is that of the
Hubble flow with 70 km/s/Mpc.
"""

from typing import NamedTuple

HUBBLE_KM_S_MPC = 70.0


class SampleGalaxy(NamedTuple):
    """A galaxy at which a sample event may happen."""

    name: str
    ra_deg: float
    dec_deg: float
    velocity_km_s: float

    @property
    def distance_mpc(self) -> float:
        """Distance in the Hubble flow."""
        return self.velocity_km_s / HUBBLE_KM_S_MPC


GALAXIES = (
    SampleGalaxy("NGC7817", 0.9955, 20.7523, 2299.0),
    SampleGalaxy("NGC157", 8.6948, -8.3964, 1658.0),
    SampleGalaxy("NGC488", 20.4452, 5.2567, 2263.0),
    SampleGalaxy("NGC772", 29.8316, 19.0075, 2483.0),
    SampleGalaxy("NGC821", 32.0881, 10.9949, 1738.0),
    SampleGalaxy("NGC1032", 39.8485, 1.0938, 2676.0),
    SampleGalaxy("NGC1200", 45.9770, -11.9918, 4024.0),
    SampleGalaxy("NGC1453", 56.6135, -3.9688, 3902.0),
    SampleGalaxy("NGC1550", 64.9080, 2.4095, 3679.0),
    SampleGalaxy("NGC1600", 67.9164, -5.0862, 4706.0),
    SampleGalaxy("NGC1888", 80.6435, -11.4995, 2743.0),
    SampleGalaxy("NGC2110", 88.0474, -7.4562, 2264.0),
    SampleGalaxy("NGC2339", 107.0856, 18.7802, 2236.0),
    SampleGalaxy("NGC2418", 114.1563, 17.8839, 5043.0),
    SampleGalaxy("NGC2513", 120.6028, 9.4136, 4658.0),
    SampleGalaxy("NGC2713", 134.3355, 2.9213, 3869.0),
    SampleGalaxy("NGC2855", 140.3645, -11.9095, 1904.0),
    SampleGalaxy("NGC2974", 145.6387, -3.6991, 1966.0),
    SampleGalaxy("NGC3221", 155.5832, 21.5696, 4097.0),
    SampleGalaxy("NGC3367", 161.6456, 13.7509, 2953.0),
    SampleGalaxy("NGC3672", 171.2603, -9.7954, 1872.0),
    SampleGalaxy("NGC3892", 177.0041, -10.9621, 1788.0),
    SampleGalaxy("NGC4254", 184.7067, 14.4165, 2399.0),
    SampleGalaxy("NGC4501", 187.9965, 14.4204, 2270.0),
    SampleGalaxy("NGC4995", 197.4194, -7.8334, 1775.0),
    SampleGalaxy("NGC5306", 207.2975, -7.2244, 7262.0),
    SampleGalaxy("NGC5506", 213.3120, -3.2076, 1761.0),
    SampleGalaxy("NGC5746", 221.2330, 1.9550, 1719.0),
    SampleGalaxy("NGC5846", 226.6220, 1.6056, 1710.0),
    SampleGalaxy("NGC5962", 234.1320, 16.6078, 1959.0),
    SampleGalaxy("NGC6070", 242.4945, 0.7093, 2004.0),
    SampleGalaxy("NGC6181", 248.0873, 19.8266, 2363.0),
    SampleGalaxy("NGC6278", 255.2097, 23.0110, 3048.0),
    SampleGalaxy("NGC6384", 263.1012, 7.0603, 1680.0),
    SampleGalaxy("NGC6574", 272.9635, 14.9818, 2288.0),
    SampleGalaxy("NGC6660", 278.6528, 22.9097, 4224.0),
    SampleGalaxy("NGC6915", 306.9419, -3.0771, 5611.0),
    SampleGalaxy("NGC6928", 308.2092, 9.9264, 4675.0),
    SampleGalaxy("NGC7025", 316.9472, 16.3359, 4904.0),
    SampleGalaxy("NGC7137", 327.0543, 22.1596, 1689.0),
    SampleGalaxy("NGC7280", 336.6149, 16.1482, 1848.0),
    SampleGalaxy("NGC7391", 342.6505, -1.5448, 3030.0),
    SampleGalaxy("NGC7606", 349.7699, -8.4851, 2235.0),
    SampleGalaxy("NGC7771", 357.8534, 20.1118, 4633.0),
)
