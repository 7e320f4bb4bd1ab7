"""What is said about a run afterwards: `verify` checks the published bytes, `report` writes the page for people."""
