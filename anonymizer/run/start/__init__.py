"""What a run starts from: its options, URLs, time and inputs. What is wrong with them is said before any work."""
