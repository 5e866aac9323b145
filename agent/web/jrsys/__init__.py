"""The door of a second old component, that of JRSYS, in both dialects of its pages."""
