"""The pack for agencies that buy: what is claimed of this build, and the file that shows it."""
