"""Which line pays which order or batch: keys first, then text, batches, people and sums; what is ambiguous stays open."""
