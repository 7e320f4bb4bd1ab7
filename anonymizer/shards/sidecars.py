def is_kept(name, keep): return "*" in keep or name in keep
