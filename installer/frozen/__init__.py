"""The frozen program, which every installer carries: how it is made, and what goes into it."""
