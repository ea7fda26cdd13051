"""The version of the package: read by what is written into files, and by the build."""

__version__ = "0.1.0"
