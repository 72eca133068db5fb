"""What finds rows of the journal without reading all of them."""
