"""NMEA 0183 sentences made for tests."""

from functools import reduce


def sentence(text: str) -> str:
    """A sentence with its checksum: ``$``, the text, ``*`` and the exclusive or of its characters."""
    return f"${text}*{reduce(lambda one, other: one ^ other, text.encode()):02X}"


def gga(time="120000.00", lat="3749.320000,N", lon="12116.560000,W", quality="1", rest="12,0.8,5.1,M,-31.9,M,1.0,0031") -> str:
    """A GGA sentence near Riverbend: 37.822 N, 121.276 W."""
    return sentence(f"GPGGA,{time},{lat},{lon},{quality},{rest}")


def rmc(time="120000.00", date="010626", status="A", lat="3749.320000,N", lon="12116.560000,W", mode="A") -> str:
    """An RMC sentence of the same place."""
    return sentence(f"GPRMC,{time},{status},{lat},{lon},0.05,12.3,{date},,,{mode}")
