"""Read what is known about people: consent (`consent`) and boxes of faces (`boxes`)."""
