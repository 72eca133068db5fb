"""What leaves a run: its body, its looks, its seal, and whether a go still holds. Start reading at `body`."""
