"""Who may be shown (`consent`), and where people are known to be (`boxes`)."""
