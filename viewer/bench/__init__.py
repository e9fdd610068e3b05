"""`aezoo bench view`: how fast the window is and how much it takes, measured off-screen on the real one."""
