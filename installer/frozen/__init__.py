"""Build the frozen program that every installer contains, with icons, licences and SBOM.

Needs an environment with the locked packages; ``devkit`` and each system's ``build`` use it.
"""
