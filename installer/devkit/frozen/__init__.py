"""What goes into the frozen program besides its code; used by ``installer/ankong.spec``."""
