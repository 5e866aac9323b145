"""Keys that are computed from a name: the same for everybody, and therefore no secret."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

_EXPONENT: Final = 65537
_BASES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
_SMALL_FACTORS: Final = range(3, 2000, 2)
# Where the search for the two primes of a key ends, found once; without it a key takes a second.
_FOUND: Final[Mapping[str, tuple[int, int]]] = {
    "root": (178, 264),
    "authority": (60, 365),
    "citizen": (2042, 2052),
    "second citizen": (20, 119),
    "foreign authority": (731, 825),
    "foreign root": (178, 192),
    "sub authority": (344, 634),
    "short": (9, 255),
    "long": (765, 814),
    "small exponent": (73, 189),
}


@cache
def make_key(name: str, bits: int = 2048, exponent: int = _EXPONENT) -> RSAPrivateKey:
    """Return the RSA key of a name; a name that is not in the table takes a second or more."""
    first, second = _FOUND.get(name, (0, 0))
    p, after = _prime(name, first, bits // 16, exponent)
    q, _ = _prime(name, max(after, second), bits // 16, exponent)
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = RSAPublicNumbers(exponent, p * q)
    crt = rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q)
    return RSAPrivateNumbers(p, q, d, *crt, public).private_key()


@cache
def make_curve_key(name: str) -> EllipticCurvePrivateKey:
    """Return the key of a name on P-256."""
    seed = hashlib.shake_256(name.encode()).digest(31)  # less than the order of the curve
    return derive_private_key(int.from_bytes(seed, "big"), SECP256R1())


def _prime(name: str, counter: int, octets: int, exponent: int) -> tuple[int, int]:
    """Return the first prime from a counter on, and the counter after it."""
    while True:
        seed = hashlib.shake_256(f"{name} {counter}".encode()).digest(octets)
        counter += 1
        # The two highest bits make the product long enough, the lowest makes it odd.
        candidate = int.from_bytes(seed, "big") | 0b11 << (8 * octets - 2) | 1
        if candidate % exponent != 1 and _is_prime(candidate):
            return candidate, counter


def _is_prime(number: int) -> bool:
    """Return whether a large odd number is a prime, by Miller and Rabin's test."""
    if any(number % factor == 0 for factor in _SMALL_FACTORS):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(number, base, odd, twos) for base in _BASES)


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
