"""Where objects lie (`storage`, `naming`, `identity`) and what is written down about them (`manifest`, `lease`)."""
