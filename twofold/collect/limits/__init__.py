"""How much one sender may send, and what is set aside when a source suddenly says something else."""
