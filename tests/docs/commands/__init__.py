"""Every command that the documents tell a reader to run is run by a test: here, or where rules.py says."""
