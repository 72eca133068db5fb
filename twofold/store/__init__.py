"""What survives a crash: journal, fold and outbox, one writer, one transaction. Start with `store`."""
