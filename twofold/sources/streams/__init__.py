"""Events in the words of other systems' own wires (Segment, Google Analytics) to raw events: one file a wire, pure."""
