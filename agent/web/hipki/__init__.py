"""The drop-in for pages that speak to the old component: plain HTTP on port 61161."""
