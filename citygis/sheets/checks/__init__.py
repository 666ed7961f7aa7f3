"""What preflight looks at, by kind: the file, its pages as paper, their scale, lettering, ink and layers."""
