"""What a support bot that learns does. Pure: no vendor library, no I/O; everything else depends on this package."""
