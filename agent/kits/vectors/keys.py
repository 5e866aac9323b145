"""RSA keys that are computed from a name: the same for everybody, and therefore no secret."""

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

_EXPONENT: Final = 65537
_PRIME_OCTETS: Final = 128  # two of them make a modulus of 2048 bits
_BASES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
_SMALL_FACTORS: Final = range(3, 2000, 2)


@cache
def make_key(name: str) -> RSAPrivateKey:
    """Return the RSA-2048 key of a name; takes a second."""
    primes = _primes(name)
    p, q = next(primes), next(primes)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = RSAPublicNumbers(_EXPONENT, p * q)
    crt = rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q)
    return RSAPrivateNumbers(p, q, d, *crt, public).private_key()


def _primes(name: str) -> Iterator[int]:
    counter = 0
    while True:
        seed = hashlib.shake_256(f"{name} {counter}".encode()).digest(_PRIME_OCTETS)
        counter += 1
        # The two highest bits make the product long enough, the lowest makes it odd.
        candidate = int.from_bytes(seed, "big") | 0b11 << (8 * _PRIME_OCTETS - 2) | 1
        if candidate % _EXPONENT != 1 and _is_prime(candidate):
            yield candidate


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
