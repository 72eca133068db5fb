"""From the wire to the journal. Start reading at `steps.pipeline`; who listens is `listen`, who understands a wire `doors`."""
