"""From what is kept to what is reconciled: orders and lines out of the folder, matches over them, movements for accounts."""
