"""What readers of payouts and of couriers' files share: tables with typed cells, saved answers, zones, sums of batches."""
